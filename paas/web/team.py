"""The team that a user works in: its people, who is invited, and what was changed in it."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from paas.domain.errors import Conflict, Invalid, TooMany
from paas.domain.permissions import Permission, Standing
from paas.services import invitations, members, tenants
from paas.web.access import actor, platform
from paas.web.typed import Typed, attempt, read, refusals

bp = Blueprint("team", __name__, url_prefix="/team")


@bp.get("")
def show() -> ResponseReturnValue:
    """The team."""
    return _page(Typed({"standing": Standing.MEMBER}))


@bp.post("/invitations")
def invite() -> ResponseReturnValue:
    """Invite somebody by a letter."""
    form = read(("email", "standing"))
    try:
        made = invitations.invite(platform(), actor(), form.get("email"), _standing())
    except (Invalid, Conflict, TooMany) as error:
        return _page(form.refused(refusals(error))), 400
    flash(f"{made.email} is invited. {made.says}")
    return _back()


@bp.post("/invitations/<invitation_id>/withdraw")
def withdraw(invitation_id: str) -> ResponseReturnValue:
    """Take an invitation back."""
    invitations.withdraw(platform(), actor(), invitation_id)
    flash("The invitation is withdrawn.")
    return _back()


@bp.post("/members/<user_id>/standing")
def set_standing(user_id: str) -> ResponseReturnValue:
    """Make a member an owner, or an owner a member."""
    standing = _standing()
    attempt(
        lambda: members.set_standing(platform(), actor(), user_id, standing),
        f"That user is {'an owner' if standing is Standing.OWNER else 'a member'} now.",
    )
    return _back()


@bp.post("/members/<user_id>/remove")
def remove(user_id: str) -> ResponseReturnValue:
    """Take somebody out of the team."""
    attempt(
        lambda: members.remove(platform(), actor(), user_id), "That user is no longer in the team."
    )
    return _back()


@bp.post("/leave")
def leave() -> ResponseReturnValue:
    """Leave the team."""
    if attempt(lambda: members.leave(platform(), actor()), "You have left the team."):
        return redirect(url_for("web.account.show"), code=303)
    return _back()


@bp.post("/name")
def rename() -> ResponseReturnValue:
    """Give the team another name."""
    name = request.form.get("name", "").strip()
    attempt(lambda: tenants.rename(platform(), actor(), name), "The team has its new name.")
    return _back()


def _page(form: Typed) -> str:
    looks_after = Permission.TENANT_WRITE in actor().permissions
    return render_template(
        "web/team.html",
        form=form,
        members=members.members(platform(), actor()),
        invitations=invitations.invitations(platform(), actor()) if looks_after else (),
        looks_after=looks_after,
        team=tenants.here(platform(), actor()),
    )


def _standing() -> Standing:
    given = request.form.get("standing", "")
    return Standing.OWNER if given == Standing.OWNER else Standing.MEMBER


def _back() -> Response:
    return redirect(url_for("web.team.show"), code=303)
