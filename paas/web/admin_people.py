"""Tenants and users, as administrators look after them."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from paas.domain.account_views import UserPage
from paas.domain.errors import Conflict, Forbidden, Invalid
from paas.domain.permissions import Permission, Role
from paas.services import tenants, users
from paas.services.allowed import check
from paas.web.access import actor, platform
from paas.web.typed import LONGEST_PASSWORD, Typed, attempt, read

bp = Blueprint("people", __name__, url_prefix="/admin")

PAGE_SIZE = 50


@bp.get("/users")
def list_users() -> ResponseReturnValue:
    """The users, and the form for another one."""
    return _users(Typed({"tenant": "default", "role": Role.USER}))


@bp.post("/users")
def create_user() -> ResponseReturnValue:
    """Make a user in a tenant."""
    form = read(("email", "tenant", "role"))
    password = request.form.get("password", "")[:LONGEST_PASSWORD]
    role = Role.ADMIN if form.get("role") == Role.ADMIN else Role.USER
    try:
        made = users.create(
            platform(), actor(), form.get("email"), password, tenant=form.get("tenant"), role=role
        )
    except Invalid as broken:
        return _users(form.refused(broken.errors)), 400
    except (Conflict, Forbidden) as error:
        check(actor(), Permission.ADMIN_WRITE)
        return _users(form.refused([error.message])), 409
    flash(f"{made.email} has an account now.")
    return _to_users()


@bp.post("/users/<user_id>/role")
def set_role(user_id: str) -> ResponseReturnValue:
    """Make a user an administrator, or the other way round."""
    role = Role.ADMIN if request.form.get("role") == Role.ADMIN else Role.USER
    attempt(
        lambda: users.set_role(platform(), actor(), user_id, role),
        f"That user is {'an administrator' if role is Role.ADMIN else 'a user'} now.",
    )
    return _to_users()


@bp.post("/users/<user_id>/active")
def set_active(user_id: str) -> ResponseReturnValue:
    """Shut a user out, or let the user in again."""
    active = request.form.get("active") == "yes"
    attempt(
        lambda: users.set_active(platform(), actor(), user_id, active),
        "That user may come in again." if active else "That user is shut out.",
    )
    return _to_users()


@bp.post("/users/<user_id>/second-factor/off")
def remove_second_factor(user_id: str) -> ResponseReturnValue:
    """Switch a lost second factor off."""
    users.remove_second_factor(platform(), actor(), user_id)
    flash("The second factor of that user is off.")
    return _to_users()


@bp.get("/tenants")
def list_tenants() -> ResponseReturnValue:
    """The tenants, and the form for another one."""
    return _tenants(Typed())


@bp.post("/tenants")
def create_tenant() -> ResponseReturnValue:
    """Make a tenant."""
    form = read(("name",))
    try:
        made = tenants.create(platform(), actor(), form.get("name"))
    except Invalid as broken:
        return _tenants(form.refused(broken.errors)), 400
    except (Conflict, Forbidden) as error:
        check(actor(), Permission.ADMIN_WRITE)
        return _tenants(form.refused([error.message])), 409
    flash(f"There is a team {made.name} now. From its second team on a platform is open to nobody.")
    return _to_tenants()


@bp.post("/tenants/<tenant_id>/close")
def close_tenant(tenant_id: str) -> ResponseReturnValue:
    """End a tenant that has no apps."""
    attempt(lambda: tenants.close(platform(), actor(), tenant_id), "The team is closed.")
    return _to_tenants()


def _users(form: Typed) -> str:
    search = request.args.get("search", "").strip()[:100]
    return render_template(
        "web/users.html",
        page=_page(search),
        search=search,
        teams=[(one.slug, one.name) for one in tenants.everyone(platform(), actor())],
        form=form,
    )


def _page(search: str) -> UserPage:
    cursor = request.args.get("cursor") or None
    try:
        return users.page(platform(), actor(), limit=PAGE_SIZE, cursor=cursor, search=search)
    except Invalid:
        return users.page(platform(), actor(), limit=PAGE_SIZE, search=search)


def _tenants(form: Typed) -> str:
    return render_template(
        "web/tenants.html", tenants=tenants.everyone(platform(), actor()), form=form
    )


def _to_users() -> Response:
    return redirect(url_for("web.people.list_users"), code=303)


def _to_tenants() -> Response:
    return redirect(url_for("web.people.list_tenants"), code=303)
