"""The page that takes the token from people, and the button that ends their session."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from paas import doors

bp = Blueprint("session", __name__)


@bp.get("/sign-in")
@doors.without_token
def sign_in() -> ResponseReturnValue:
    """Ask for the token."""
    return render_template("web/sign_in.html", wrong=False)


@bp.post("/sign-in")
@doors.without_token
def enter() -> ResponseReturnValue:
    """Check the token and lead to the page that was asked for."""
    if not doors.sign_in(request.form.get("token", "").strip()):
        return render_template("web/sign_in.html", wrong=True), 401
    return redirect(safe_path(request.args.get("next", "")), code=303)


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session."""
    doors.sign_out()
    return redirect(url_for("web.session.sign_in"), code=303)


def safe_path(wanted: str) -> str:
    """The path if it surely lies on this platform, else the status page.

    Browsers read a backslash as a slash and drop controls, so both could lead elsewhere.
    """
    plain = wanted.isprintable() and "\\" not in wanted
    if plain and wanted.startswith("/") and not wanted.startswith("//"):
        return wanted
    return url_for("web.overview.index")
