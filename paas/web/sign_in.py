"""Signing in, as a user or with the platform's token, and signing out."""

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from paas import doors
from paas.domain.account_views import SignedIn
from paas.domain.errors import TooMany, Unauthenticated
from paas.services import accounts, second_step
from paas.services.second_step import Half
from paas.web.access import actor, platform
from paas.web.typed import LONGEST_PASSWORD, Typed, read

bp = Blueprint("session", __name__)

HALF = "half"


@bp.get("/sign-in")
@doors.without_token
def sign_in() -> ResponseReturnValue:
    """Ask who it is."""
    session.pop(HALF, None)
    return render_template("web/sign_in.html", form=Typed())


@bp.post("/sign-in")
@doors.without_token
def enter() -> ResponseReturnValue:
    """Check a user's password, or the platform's token, and lead to the page asked for."""
    if "token" not in request.form:
        return _user()
    if not doors.sign_in(request.form["token"].strip()):
        return render_template("web/sign_in.html", form=Typed(), wrong_token=True), 401
    return _inside()


@bp.get("/sign-in/code")
@doors.without_token
def ask_code() -> ResponseReturnValue:
    """Ask for the code of the second factor."""
    if HALF not in session:
        return redirect(url_for("web.session.sign_in", next=_next() or None), code=303)
    return render_template("web/sign_in_code.html", says="")


@bp.post("/sign-in/code")
@doors.without_token
def enter_code() -> ResponseReturnValue:
    """Check the code and lead to the page asked for."""
    half = Half(str(session.get(HALF, "")))
    code = request.form.get("code", "").strip()[:64]
    try:
        found = second_step.finish(platform(), half, code, **_whence())
    except (Unauthenticated, TooMany) as error:
        return render_template("web/sign_in_code.html", says=error.message), _status(error)
    return _let_in(found)


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session, and the sign-in of its user."""
    if actor().sign_in is not None:
        accounts.sign_out(platform(), actor())
    doors.sign_out()
    return redirect(url_for("web.session.sign_in"), code=303)


def _user() -> ResponseReturnValue:
    form = read(("email",))
    password = request.form.get("password", "")[:LONGEST_PASSWORD]
    try:
        found = second_step.begin(platform(), form.get("email"), password, **_whence())
    except (Unauthenticated, TooMany) as error:
        refused = form.refused([error.message])
        return render_template("web/sign_in.html", form=refused), _status(error)
    if isinstance(found, SignedIn):
        return _let_in(found)
    session[HALF] = found.sealed
    return redirect(url_for("web.session.ask_code", next=_next() or None), code=303)


def _let_in(found: SignedIn) -> ResponseReturnValue:
    doors.sign_in_user(found)
    return _inside()


def _inside() -> ResponseReturnValue:
    return redirect(safe_path(_next()), code=303)


def _next() -> str:
    return request.args.get("next", "")


def _whence() -> dict[str, str]:
    return {"source": request.remote_addr or "", "agent": request.user_agent.string}


def _status(error: Unauthenticated | TooMany) -> int:
    return 429 if isinstance(error, TooMany) else 401


def safe_path(wanted: str) -> str:
    """The path if it surely lies on this platform, else the status page.

    Browsers read a backslash as a slash and drop controls, so both could lead elsewhere.
    """
    plain = wanted.isprintable() and "\\" not in wanted
    if plain and wanted.startswith("/") and not wanted.startswith("//"):
        return wanted
    return url_for("web.overview.index")
