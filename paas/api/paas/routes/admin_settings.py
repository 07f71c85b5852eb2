"""The settings that administrators see and change while the platform runs."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.loading import load_body
from paas.api.operations import Answer, Operation, documented
from paas.api.paas import envelope
from paas.api.paas.auth import actor
from paas.api.paas.schemas.settings import SettingsBody, SettingsChanged, SettingsShown
from paas.services import live_settings

CHANGED = "Settings updated"
SHOWN = {
    "default_domain": "apps.example.com",
    "storage_type": "s3",
    "s3_endpoint": "https://s3.example.com",
    "s3_region": "us-east-1",
    "s3_bucket": "my-paas-builds",
    "s3_prefix": "",
    "s3_access_key": "AKIAEXAMPLE",
    "s3_secret_key": "set",
    "loki_retention_days": 14,
    "default_plan": "",
}


@documented(
    Operation(
        "admin",
        "Get the settings",
        {200: Answer("All settings", (SettingsShown,), {"settings": SHOWN})},
        description="Of a secret only whether it is `set` or `unset`.",
    )
)
def shown() -> Response:
    """All settings."""
    return envelope.success(SettingsShown, settings=live_settings.shown(platform(), actor()))


@documented(
    Operation(
        "admin",
        "Update the settings",
        {
            200: Answer(
                "All settings as they are now",
                (SettingsChanged,),
                {"settings": SHOWN, "message": CHANGED},
            )
        },
        refusals=(400, 409),
        description=(
            "Those that are not named stay. With `storage_type` `s3` an object is written, read "
            "and removed first; when that fails, nothing changes and the answer says why."
        ),
        body=lambda _: SettingsBody(),
        body_example={
            "settings": {
                "default_domain": "apps.example.com",
                "storage_type": "s3",
                "s3_bucket": "my-paas-builds",
                "loki_retention_days": 14,
            }
        },
    )
)
def change() -> Response:
    """Change some settings."""
    wanted = load_body(SettingsBody())["settings"]
    found = live_settings.change(platform(), actor(), wanted)
    return envelope.success(SettingsChanged, settings=found, message=CHANGED)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/api/admin/paas/settings"
    blueprint.add_url_rule(path, "settings", shown)
    blueprint.add_url_rule(path, "change_settings", change, methods=["PUT"])
