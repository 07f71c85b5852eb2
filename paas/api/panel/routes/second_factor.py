"""The second factor: codes of an authenticator app (TOTP), and recovery codes beside them."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.loading import load_body
from paas.api.operations import Answer, Operation, documented
from paas.api.panel import envelope
from paas.api.panel.auth import actor
from paas.api.panel.schemas.answers import PanelEnrolled, PanelRecoveryCodes, PanelSaid
from paas.api.panel.schemas.requests import PanelCodeBody, PanelProofBody
from paas.services import second_factor

OFF = "The second factor is off"
CODES = {"success": True, "data": {"recoveryCodes": ["h4k2m-9qwxz", "p7d3t-c8nrv"]}}
ENROLMENT = {
    "secret": "JBSWY3DPEHPK3PXP",
    "otpauthUrl": "otpauth://totp/PaaS:user%40example.com?secret=JBSWY3DPEHPK3PXP&issuer=PaaS",
    "qrCode": "<svg>...</svg>",
}
PROOF = {"password": "yourpassword", "code": "123456"}


@documented(
    Operation(
        "accounts",
        "Begin a second factor",
        {
            200: Answer(
                "The secret for an authenticator app; it counts once a code was confirmed",
                (PanelEnrolled,),
                {"success": True, "data": ENROLMENT},
            )
        },
        refusals=(409,),
    )
)
def begin() -> Response:
    """A new secret."""
    return envelope.success(PanelEnrolled, second_factor.enrol(platform(), actor()))


@documented(
    Operation(
        "accounts",
        "Switch the second factor on",
        {200: Answer("It is on; each code opens the account once", (PanelRecoveryCodes,), CODES)},
        refusals=(400, 409),
        body=lambda _: PanelCodeBody(),
        body_example={"code": "123456"},
    )
)
def confirm() -> Response:
    """Prove that the authenticator app has the secret."""
    given = load_body(PanelCodeBody())
    codes = second_factor.confirm(platform(), actor(), given["code"])
    return envelope.success(PanelRecoveryCodes, {"recovery_codes": codes})


@documented(
    Operation(
        "accounts",
        "Make new recovery codes",
        {200: Answer("In place of all old ones", (PanelRecoveryCodes,), CODES)},
        refusals=(400, 409),
        body=lambda _: PanelProofBody(),
        body_example=PROOF,
    )
)
def renew() -> Response:
    """Recovery codes anew."""
    given = load_body(PanelProofBody())
    codes = second_factor.renew_codes(platform(), actor(), given["password"], given["code"])
    return envelope.success(PanelRecoveryCodes, {"recovery_codes": codes})


@documented(
    Operation(
        "accounts",
        "Switch the second factor off",
        {
            200: Answer(
                "A password is enough again",
                (PanelSaid,),
                {"success": True, "data": {"message": OFF}},
            )
        },
        refusals=(400, 409),
        body=lambda _: PanelProofBody(),
        body_example=PROOF,
    )
)
def disable() -> Response:
    """No second factor any more."""
    given = load_body(PanelProofBody())
    second_factor.disable(platform(), actor(), given["password"], given["code"])
    return envelope.success(PanelSaid, {"message": OFF})


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    views = {
        "": ("begin_totp", begin),
        "/confirm": ("confirm_totp", confirm),
        "/recovery-codes": ("renew_codes", renew),
        "/disable": ("disable_totp", disable),
    }
    for end, (name, view) in views.items():
        blueprint.add_url_rule(f"/api/users/me/totp{end}", name, view, methods=["POST"])
