"""Verbs about users: they work on the platform's database, not over its URL."""

import os
import pwd
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from paas.cli.exits import REFUSED, CliFailure
from paas.cli.session import Session, say, with_json
from paas.cli.text import neutral, table
from paas.domain.errors import Conflict, Forbidden, Invalid, NotFound
from paas.settings import Settings

if TYPE_CHECKING:
    from paas.domain.account_views import UserView
    from paas.domain.specs import Actor
    from paas.engine.platform import Platform

HEADS = ("EMAIL", "NAME", "ROLE", "ACTIVE", "2ND FACTOR", "TENANTS")
BEHIND = (
    "Target local is for people who trust each other: without PAAS_TARGET=proxmox nothing but "
    "the platform itself keeps the apps of two tenants apart."
)


@click.group("users")
def users_verb() -> None:
    """Make and list users, and give them other passwords."""


def _with_password(verb: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--password-stdin",
        is_flag=True,
        help="Read the password from the first line of stdin instead of asking for it.",
    )(verb)


@users_verb.command("create")
@click.argument("email")
@click.option("--tenant", required=True, help="The tenant's name; made when there is none.")
@click.option("--admin", is_flag=True, help="Make an administrator of the whole platform.")
@_with_password
@with_json
@click.pass_obj
def create_user(
    session: Session, email: str, tenant: str, admin: bool, password_stdin: bool
) -> None:
    """Make a user in a tenant."""
    from paas.domain.permissions import Role
    from paas.services import tenants, users

    password = _password(from_stdin=password_stdin)
    with _platform() as (platform, actor):
        role = Role.ADMIN if admin else Role.USER
        before = tenants.count(platform)
        made = users.create(platform, actor, email, password, tenant=tenant, role=role, alone=False)
        if tenants.count(platform) > before and platform.settings.target == "local":
            say(BEHIND)
    session.result(
        {"success": True, "user": _document(made)},
        neutral(f"{made.email} is {made.role} of the platform, {_standings(made)}."),
    )


@users_verb.command("list")
@with_json
@click.pass_obj
def list_users(session: Session) -> None:
    """Show all users, with their tenants."""
    with _platform() as (platform, actor):
        found = list(_every(platform, actor))
    rows = [
        [
            one.email,
            f"{one.first_name} {one.last_name}".strip() or "-",
            one.role,
            "yes" if one.is_active else "no",
            "yes" if one.has_second_factor else "no",
            _standings(one),
        ]
        for one in found
    ]
    lines = table(HEADS, rows) if rows else ["There are no users yet."]
    session.result({"success": True, "users": [_document(one) for one in found]}, *lines)


@users_verb.command("password")
@click.argument("email")
@_with_password
@with_json
@click.pass_obj
def set_password(session: Session, email: str, password_stdin: bool) -> None:
    """Give a user another password, and end all sign-ins of that user."""
    from paas.services import users

    password = _password(from_stdin=password_stdin)
    with _platform() as (platform, actor):
        user = users.set_password(platform, actor, email, password)
    session.result(
        {"success": True, "user": _document(user)},
        neutral(f"{user.email} has the new password; all earlier sign-ins have ended."),
    )


@contextmanager
def _platform() -> "Iterator[tuple[Platform, Actor]]":
    """The instance of the settings, and whoever sits at this terminal as an administrator."""
    from paas.domain.permissions import ALL, Role
    from paas.domain.specs import Actor
    from paas.engine.assembly import build
    from paas.services import actors
    from paas.store import setup

    settings = Settings.read()
    setup.prepare(settings)
    platform = build(settings)
    try:
        tenant_id = actors.default(platform).tenant_id
        name = f"{_login()} (command line)"
        yield platform, Actor(tenant_id, name, permissions=ALL, role=Role.ADMIN)
    except (Conflict, Forbidden, Invalid, NotFound) as error:
        sentences = error.errors if isinstance(error, Invalid) else [error.message]
        raise CliFailure(REFUSED, *(f"{sentence}." for sentence in sentences)) from error
    finally:
        platform.store.close()


def _login() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"


def _password(*, from_stdin: bool) -> str:
    """The password, which no command line and no terminal ever shows."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here; --password-stdin reads the password.")
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return asked


def _every(platform: "Platform", actor: "Actor") -> "Iterator[UserView]":
    from paas.services import users

    cursor: str | None = None
    while True:
        page = users.page(platform, actor, cursor=cursor)
        yield from page.users
        cursor = page.next_cursor
        if cursor is None:
            return


def _standings(user: "UserView") -> str:
    return ", ".join(f"{one.standing} of {one.slug}" for one in user.tenants) or "in no tenant"


def _document(user: "UserView") -> dict[str, object]:
    return {
        "id": user.id,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "role": user.role,
        "active": user.is_active,
        "second_factor": user.has_second_factor,
        "tenants": [{"tenant": one.slug, "standing": one.standing} for one in user.tenants],
        "created_at": user.created_at.isoformat(),
        "last_login_at": user.last_login_at and user.last_login_at.isoformat(),
    }
