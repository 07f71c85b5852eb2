"""Where the links of letters lead: a new password, and an invitation; and asking for the first."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from paas import doors
from paas.domain.errors import Invalid, TooMany
from paas.services import invitations, resets
from paas.web.access import platform
from paas.web.typed import LONGEST_PASSWORD, Typed, read

bp = Blueprint("letters", __name__)

TWICE = "Invalid again. The two passwords are not the same"


@bp.get("/forgotten")
@doors.without_token
def forgotten() -> ResponseReturnValue:
    """Ask for the address of the account."""
    return render_template("web/forgotten.html", form=Typed())


@bp.post("/forgotten")
@doors.without_token
def ask() -> ResponseReturnValue:
    """Send the link, and say the same whether or not there is such an account."""
    form = read(("email",))
    try:
        resets.ask(platform(), form.get("email"), source=_source())
    except TooMany as error:
        return render_template("web/forgotten.html", form=form.refused([error.message])), 429
    return render_template("web/forgotten.html", form=form, sent=True)


@bp.get("/reset/<secret>")
@doors.without_token
def reset(secret: str) -> ResponseReturnValue:
    """Ask for the new password."""
    email = resets.whose(platform(), secret)
    return render_template("web/reset.html", form=Typed(), email=email)


@bp.post("/reset/<secret>")
@doors.without_token
def choose(secret: str) -> ResponseReturnValue:
    """Set the new password and lead to the sign-in."""
    email = resets.whose(platform(), secret)
    try:
        resets.choose(platform(), secret, _password(), source=_source())
    except Invalid as broken:
        form = Typed(errors=broken.errors)
        return render_template("web/reset.html", form=form, email=email), 400
    flash("The password is changed. Sign in with it.")
    return redirect(url_for("web.session.sign_in"), code=303)


@bp.get("/invitation/<secret>")
@doors.without_token
def invitation(secret: str) -> ResponseReturnValue:
    """Who invites to which team, and for a new account its name and password."""
    seen = invitations.shown(platform(), secret)
    return render_template("web/invitation.html", form=Typed(), invitation=seen)


@bp.post("/invitation/<secret>")
@doors.without_token
def accept(secret: str) -> ResponseReturnValue:
    """Come into the team and lead to the sign-in."""
    seen = invitations.shown(platform(), secret)
    form = read(("first_name", "last_name"))
    try:
        invitations.accept(
            platform(),
            secret,
            password="" if seen.is_known else _password(),
            first_name=form.get("first_name"),
            last_name=form.get("last_name"),
            source=_source(),
        )
    except Invalid as broken:
        refused = form.refused(broken.errors)
        return render_template("web/invitation.html", form=refused, invitation=seen), 400
    flash(f"You are in the team {seen.tenant} now. Sign in as {seen.email}.")
    return redirect(url_for("web.session.sign_in"), code=303)


def _password() -> str:
    """The password that was typed twice; raises ``Invalid``."""
    password = request.form.get("password", "")[:LONGEST_PASSWORD]
    if password != request.form.get("again", "")[:LONGEST_PASSWORD]:
        raise Invalid([TWICE])
    return password


def _source() -> str:
    return request.remote_addr or ""
