"""A user's own account: name, password, teams, sign-ins, API tokens, second factor."""

from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.wrappers import Response

from paas import doors
from paas.domain.errors import Conflict, Invalid, TooMany
from paas.services import accounts, profile, second_factor, tenants, tokens
from paas.store.base import utcnow
from paas.web.access import actor, platform
from paas.web.typed import LONGEST_PASSWORD, Typed, attempt, read, refusals
from paas.web.words import SCOPE_WORDS

bp = Blueprint("account", __name__, url_prefix="/account")

LIFETIMES = (("30", "30 days"), ("90", "90 days"), ("365", "one year"), ("", "until revoked"))
TWICE = "Invalid again. The two passwords are not the same"


@bp.get("")
def show() -> ResponseReturnValue:
    """The account."""
    return _page()


@bp.post("/profile")
def rename() -> ResponseReturnValue:
    """Change the name."""
    form = read(("first_name", "last_name"))
    attempt(lambda: profile.update(platform(), actor(), **form.values), "Your name is changed.")
    return _back()


@bp.post("/password")
def change_password() -> ResponseReturnValue:
    """Change the password; the user's other sign-ins end."""
    current, new, again = (
        request.form.get(name, "")[:LONGEST_PASSWORD] for name in ("current", "password", "again")
    )
    try:
        if new != again:
            raise Invalid([TWICE])
        profile.change_password(platform(), actor(), current, new)
    except (Invalid, TooMany) as error:
        return _page(password=Typed(errors=refusals(error))), 400
    flash("Your password is changed, and your other sign-ins have ended.")
    return _back()


@bp.post("/team")
def switch() -> ResponseReturnValue:
    """Work in another team from now on."""
    found = tenants.switch(platform(), actor(), request.form.get("tenant", ""))
    flash(f"You work in {found.name} now.")
    return redirect(url_for("web.overview.index"), code=303)


@bp.post("/sign-ins/end")
def end_others() -> ResponseReturnValue:
    """End all sign-ins but this one."""
    accounts.end_other_sign_ins(platform(), actor())
    flash("All your other sign-ins have ended.")
    return _back("sign-ins")


@bp.post("/sign-ins/<sign_in_id>/end")
def end_sign_in(sign_in_id: str) -> ResponseReturnValue:
    """End one sign-in; whoever ends this very one has signed out."""
    accounts.end_sign_in(platform(), actor(), sign_in_id)
    if sign_in_id == actor().sign_in:
        doors.sign_out()
        return redirect(url_for("web.session.sign_in"), code=303)
    flash("That sign-in has ended.")
    return _back("sign-ins")


@bp.post("/tokens")
def make_token() -> ResponseReturnValue:
    """Make a token, and show it this once."""
    form = Typed({name: request.form.get(name, "").strip() for name in ("name", "days")})
    scopes = request.form.getlist("scopes")
    days = form.get("days")
    try:
        if days and days not in dict(LIFETIMES):
            raise Invalid(["Invalid days. Choose one of the lifetimes"])
        ends = utcnow() + timedelta(days=int(days)) if days else None
        made = tokens.create(platform(), actor(), form.get("name"), scopes, expires_at=ends)
    except (Invalid, Conflict) as error:
        return _page(token=form.refused(refusals(error)), scopes=scopes), 400
    return render_template(
        "web/shown_once.html",
        title=f"The token {made.view.name}",
        about="Send it as the header Authorization: Bearer …",
        secrets=[("Token", made.token)],
        back=url_for("web.account.show", _anchor="tokens"),
    )


@bp.post("/tokens/<token_id>/revoke")
def revoke_token(token_id: str) -> ResponseReturnValue:
    """End a token."""
    tokens.revoke(platform(), actor(), token_id)
    flash("The token is revoked.")
    return _back("tokens")


@bp.post("/second-factor")
def begin_second_factor() -> ResponseReturnValue:
    """Show a new secret for an authenticator app."""
    try:
        made = second_factor.enrol(platform(), actor())
    except Conflict as error:
        flash(error.message, "error")
        return _back("second-factor")
    return _enrolment(made.secret, made.picture)


@bp.post("/second-factor/confirm")
def confirm_second_factor() -> ResponseReturnValue:
    """Switch the second factor on, and show the recovery codes this once."""
    try:
        codes = second_factor.confirm(platform(), actor(), request.form.get("code", "")[:64])
    except Invalid as error:
        # The secret stays: only the code is asked for again.
        return render_template("web/second_factor.html", says=error.message), 400
    except Conflict as error:
        flash(error.message, "error")
        return _back("second-factor")
    return _codes(codes, "The second factor is on")


@bp.post("/second-factor/codes")
def renew_codes() -> ResponseReturnValue:
    """New recovery codes in place of the old ones."""
    try:
        codes = second_factor.renew_codes(platform(), actor(), *_proof())
    except (Invalid, Conflict, TooMany) as error:
        return _page(factor=Typed(errors=refusals(error))), 400
    return _codes(codes, "New recovery codes")


@bp.post("/second-factor/off")
def end_second_factor() -> ResponseReturnValue:
    """Switch the second factor off."""
    try:
        second_factor.disable(platform(), actor(), *_proof())
    except (Invalid, Conflict, TooMany) as error:
        return _page(factor=Typed(errors=refusals(error))), 400
    flash("The second factor is off.")
    return _back("second-factor")


def _page(**forms: object) -> str:
    user = profile.profile(platform(), actor())
    shown: dict[str, object] = {
        "user": user,
        "profile": Typed({"first_name": user.first_name, "last_name": user.last_name}),
        "password": Typed(),
        "token": Typed({"days": "90"}),
        "factor": Typed(),
        "scopes": (),
    }
    return render_template(
        "web/account.html",
        sign_ins=accounts.sign_ins(platform(), actor()),
        tokens=tokens.listing(platform(), actor()),
        tenants=tenants.mine(platform(), actor()),
        known=[(one, words) for one, words in SCOPE_WORDS if one in actor().permissions],
        lifetimes=LIFETIMES,
        **{**shown, **forms},
    )


def _enrolment(secret: str, picture: str) -> str:
    grouped = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    # The picture was drawn here: of what is in the code, nothing stands in it as text.
    drawn = Markup(picture)  # noqa: S704
    return render_template("web/second_factor.html", secret=grouped, picture=drawn)


def _codes(codes: tuple[str, ...], title: str) -> str:
    return render_template(
        "web/shown_once.html",
        title=title,
        about="Each of these recovery codes signs you in once, when your device is not at hand.",
        secrets=[("Recovery codes", "\n".join(codes))],
        back=url_for("web.account.show", _anchor="second-factor"),
    )


def _proof() -> tuple[str, str]:
    """The password and the code that were typed."""
    given = request.form
    return given.get("password", "")[:LONGEST_PASSWORD], given.get("code", "").strip()[:64]


def _back(anchor: str | None = None) -> Response:
    return redirect(url_for("web.account.show", _anchor=anchor), code=303)
