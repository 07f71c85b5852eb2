"""Every route of the application, met by every kind of caller.

What each is answered follows from the route's row in authorization.py; a route without a row fails
here, with the row to add. Another tenant's things are 404, for administrators too unless they act
for all tenants.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from flask import Flask
from flask_jwt_extended import create_access_token
from werkzeug.routing import Rule

from paas.api.identity import SIGN_IN
from paas.api.operations import operation_of
from paas.domain.permissions import ALL, Permission, Role, Standing, covered, granted
from paas.engine.platform import Platform
from paas.store import events
from paas.store.accounts import hash_of
from paas.store.base import utcnow
from paas.store.people import ApiToken, Membership, SignIn, User
from tests.api.authorization import ROWS, About, Door, Row, row_of
from tests.api.support import TOKEN, UUID_OF_NOBODY
from tests.factories import app_row
from tests.services import people

_numbers = count(1)
LINE = events.entry("log", "terraform", "Apply complete!")
USERS = granted(Role.USER, Standing.MEMBER)
REFUSED = (401, 403)


@dataclass(frozen=True)
class World:
    """The platform under test; ``other`` is a second tenant."""

    app: Flask
    core: Platform
    other: int

    def user(self, tenant: int = 1, role: Role = Role.USER, *, ends: timedelta) -> tuple[User, str]:
        """A new user with the sign-in that his tokens carry, which counts for so long."""
        with self.core.store.write() as session:
            user = User(email=f"caller-{next(_numbers)}@example.com", role=role)
            session.add(user)
            session.flush()
            session.add(Membership(user_id=user.id, tenant_id=tenant))
            signed_in = SignIn(user_id=user.id, tenant_id=tenant, expires_at=utcnow() + ends)
            session.add(signed_in)
            session.flush()
            return user, signed_in.uuid

    def access(
        self, tenant: int = 1, role: Role = Role.USER, *, token: int = 9, ends: int = 9
    ) -> str:
        """An access token of a new user: both it and the sign-in count for so many minutes."""
        user, sign_in = self.user(tenant, role, ends=timedelta(minutes=ends))
        with self.app.app_context():
            made: str = create_access_token(
                str(user.id),
                expires_delta=timedelta(minutes=token),
                additional_claims={SIGN_IN: sign_in},
            )
        return made

    def named(self, scopes: Iterable[str], *, revoked: bool = False) -> str:
        """A named token of a new administrator."""
        user, _ = self.user(role=Role.ADMIN, ends=timedelta(0))
        secret = f"paas_{next(_numbers):040}"
        with self.core.store.write() as session:
            session.add(
                ApiToken(
                    user_id=user.id,
                    tenant_id=1,
                    name="a script",
                    hash=hash_of(secret),
                    begins=secret[:12],
                    scopes=sorted(scopes),
                    revoked_at=utcnow() if revoked else None,
                )
            )
        return secret


@pytest.fixture
def world(app: Flask, core: Platform) -> World:
    """Two tenants, so that no door is open."""
    app.config["WTF_CSRF_ENABLED"] = False
    core.queue.asleep = True  # type: ignore[attr-defined]
    return World(app, core, people.add_tenant(core, "other"))


# Who comes, and what follows from a row for each


def _may(row: Row, permissions: frozenset[Permission]) -> bool:
    return isinstance(row.needs, Door) or {row.needs, *row.besides} <= permissions


def _allowed(row: Row) -> str:
    return "absent" if row.about is About.ABSENT else "ok"


def _known(permissions: frozenset[Permission], *, elsewhere: bool = False) -> Callable[[Row], str]:
    """What a signed-in user with these permissions is answered."""

    def expected(row: Row) -> str:
        if not _may(row, permissions):
            return "forbidden"
        if elsewhere and row.about is About.APP and row.needs is not Permission.ADMIN_WRITE:
            return "absent"
        return _allowed(row)

    return expected


def _nobody(row: Row) -> str:
    return "ok" if row.needs is Door.OPEN else "unknown"


def _without_scope(row: Row) -> str:
    return "ok" if isinstance(row.needs, Door) else "forbidden"


def _with_scope_alone(row: Row) -> str:
    return "forbidden" if row.person else _allowed(row)


def _every_scope_but(row: Row) -> set[Permission]:
    return {one for one in ALL if row.needs not in covered([one])}


def _scopes_of(row: Row) -> set[Permission]:
    """What the row names; a token must have one scope."""
    named = {row.needs} if isinstance(row.needs, Permission) else {Permission.PLANS_READ}
    return {*named, *row.besides}


def _with_none(row: Row) -> str:
    """What is answered for the platform's own token, which is nobody's account."""
    return "forbidden" if row.needs is Permission.ACCOUNT else _allowed(row)


@dataclass(frozen=True)
class Caller:
    """``shows`` makes the token that is shown to a row's route; None shows nothing."""

    shows: Callable[[World, Row], str | None]
    expected: Callable[[Row], str]


CALLERS = {
    "nobody": Caller(lambda world, row: None, _nobody),
    "user": Caller(lambda world, row: world.access(), _known(USERS)),
    "user of another tenant": Caller(
        lambda world, row: world.access(world.other), _known(USERS, elsewhere=True)
    ),
    "admin": Caller(lambda world, row: world.access(role=Role.ADMIN), _known(ALL)),
    "admin in another tenant": Caller(
        lambda world, row: world.access(world.other, Role.ADMIN), _known(ALL, elsewhere=True)
    ),
    "platform": Caller(lambda world, row: TOKEN, _with_none),
    "expired token": Caller(lambda world, row: world.access(token=-1), _nobody),
    "expired sign-in": Caller(lambda world, row: world.access(ends=-1), _nobody),
    "revoked token": Caller(lambda world, row: world.named(ALL, revoked=True), _nobody),
    "forged token": Caller(lambda world, row: world.access()[:-3] + "AAA", _nobody),
    "token without the scope": Caller(
        lambda world, row: world.named(_every_scope_but(row)), _without_scope
    ),
    "token with the scope alone": Caller(
        lambda world, row: world.named(_scopes_of(row)), _with_scope_alone
    ),
}


# The walk


def routes(app: Flask) -> list[tuple[Rule, str]]:
    """Every rule with each of its methods; HEAD goes the way of GET."""
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def path_of(rule: Rule, app_id: str = UUID_OF_NOBODY) -> str:
    """A path that fits the rule; ids of apps are this one, all others nobody's."""
    path = rule.rule.replace("<int:instance_number>", "0")
    path = re.sub(r"<int:\w+>|<(?:per_)?page>", "1", path)
    path = re.sub(r"<path:\w+>", "nothing.css", path)
    path = re.sub(r"<(?:app|deployment)_id>", app_id, path)
    path = path.replace("<vmid>", "199999").replace("<key>", "COLOUR")
    path = path.replace("<registry_name>", "queued").replace("<order>", "dsc")
    return re.sub(r"<[^>]+>", UUID_OF_NOBODY, path)


def request_of(world: World, rule: Rule, row: Row) -> dict[str, Any]:
    """The body that fits: the row's, else that of the reference."""
    if row.form is not None:
        return {"data": row.form}
    operation = operation_of(world.app.view_functions[rule.endpoint])
    body = row.body or (operation.body_example if operation else None)
    return {"json": body} if body is not None else {}


def add_app(core: Platform) -> str:
    """An app of the default tenant, in which something has happened already."""
    name = f"shop-{next(_numbers)}"
    environment = core.store.vault.seal_map({"COLOUR": "red"})
    with core.store.write() as session:
        app = app_row(session, name=name, slug=name, environment=environment, state="running")
        events.append(session, app.id, [LINE])
        return app.uuid


def met(answer: Any) -> str:
    """What an answer says to its caller."""
    place = answer.headers.get("Location", "")
    if answer.status_code == 401 or (answer.status_code == 303 and place.startswith("/sign-in?")):
        return "unknown"
    if answer.status_code in (403, 404):
        return {403: "forbidden", 404: "absent"}[answer.status_code]
    return "ok" if answer.status_code < 500 else f"{answer.status_code}"


def open_as(world: World, caller: Caller, rule: Rule, method: str, row: Row) -> Any:
    client = world.app.test_client()
    client.environ_base["REMOTE_ADDR"] = f"127.0.{next(_numbers) % 250}.{next(_numbers) % 250 + 1}"
    token = caller.shows(world, row)
    headers = {"Prefer": "respond-async"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    path = path_of(rule, add_app(world.core) if row.about is About.APP else UUID_OF_NOBODY)
    sent: Mapping[str, Any] = request_of(world, rule, row)
    answer = client.open(path, method=method, headers=headers, **sent)
    answer.close()
    return answer


def test_every_route_has_a_row(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    lacking = sorted(endpoint for endpoint in endpoints if row_of(endpoint) is None)
    rows = "\n".join(f'    "{endpoint}": Row(P.<PERMISSION>),' for endpoint in lacking)
    assert not lacking, f"tests/api/authorization.py lacks these rows:\n{rows}"
    assert not set(ROWS) - endpoints, "these rows have no route any more"


@pytest.mark.parametrize("name", CALLERS)
def test_every_route_as_every_caller(world: World, name: str) -> None:
    caller = CALLERS[name]
    wrong = []
    for rule, method in routes(world.app):
        row = row_of(rule.endpoint)
        if row is None:
            continue
        answer = open_as(world, caller, rule, method, row)
        found, expected = met(answer), caller.expected(row)
        if found != expected and not _is_free(rule, row, found):
            wrong.append(f"{method} {rule.rule} ({rule.endpoint}): {found}, not {expected}")
    assert not wrong, f"{name}:\n" + "\n".join(wrong)


def _is_free(rule: Rule, row: Row, found: str) -> bool:
    """Whether the answer says nothing about who may come in: an open door may lead to a sign-in
    that fails or to nothing, and the queue's dashboard may have a page for what is not there."""
    if row.needs is Door.OPEN:
        return found in ("unknown", "absent")
    return rule.endpoint.startswith("rq_dashboard.") and found in ("ok", "forbidden")
