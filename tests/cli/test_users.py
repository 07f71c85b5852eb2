"""`paas users`: on the database itself, with passwords that no command line shows."""

import io
import json
from pathlib import Path

import pytest
from sqlalchemy import select

from paas.cli import main
from paas.cli.exits import OK, REFUSED, USAGE
from paas.domain.errors import Unauthenticated
from paas.engine.assembly import build
from paas.services import accounts
from paas.settings import Settings
from paas.store.people import AuditEntry

from .conftest import Result

PASSWORD = "a password for tests"


class Users:
    """Calls ``paas users`` with a line of stdin, on an instance of its own."""

    def __init__(
        self,
        settings: Settings,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.settings = settings
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str, stdin: str = "") -> Result:
        self._monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = main(["users", *arguments])
        out, err = self._capsys.readouterr()
        return Result(code, out, err)

    def sign_in(self, email: str, password: str) -> None:
        platform = build(self.settings)
        try:
            accounts.sign_in(platform, email, password)
        finally:
            platform.store.close()

    def audited(self) -> list[tuple[str, str]]:
        platform = build(self.settings)
        with platform.store.read() as session:
            rows = session.execute(select(AuditEntry.actor, AuditEntry.action)).all()
        platform.store.close()
        return [(actor, action) for actor, action in rows]


@pytest.fixture
def users(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Users:
    monkeypatch.setenv("PAAS_INSTANCE", str(settings.instance))
    monkeypatch.setenv("PAAS_REDIS_URL", settings.redis_url)
    return Users(settings, capsys, monkeypatch)


CREATE = ("create", "Ada@example.com", "--tenant", "Acme & Co", "--password-stdin")


def test_a_user_is_made_and_signs_in(users: Users) -> None:
    made = users(*CREATE, stdin=f"{PASSWORD}\nmore\n")
    assert made.code == OK
    assert made.out == "ada@example.com is user of the platform, owner of acme-co.\n"
    assert "people who trust each other" in made.err
    assert PASSWORD not in made.out + made.err
    users.sign_in("ada@example.com", PASSWORD)
    actor = users.audited()[0][0]
    assert actor.endswith("(command line)")


def test_an_administrator_is_made_in_a_tenant_that_is_there(users: Users) -> None:
    made = users(
        *("create", "bob@example.com", "--tenant", "default", "--admin"),
        *("--password-stdin", "--json"),
        stdin=PASSWORD,
    )
    assert made.err == ""
    user = made.document["user"]
    assert (user["role"], user["tenants"]) == (
        "admin",
        [{"tenant": "default", "standing": "owner"}],
    )


@pytest.mark.parametrize(
    ("arguments", "stdin", "says"),
    [
        (CREATE, "short", "at least 10"),
        (("create", "ada", "--tenant", "x", "--password-stdin"), PASSWORD, "no e-mail address"),
        (("password", "nobody@x.y", "--password-stdin"), PASSWORD, "There is no user nobody@x.y"),
    ],
)
def test_what_is_refused_says_why(
    users: Users, arguments: tuple[str, ...], stdin: str, says: str
) -> None:
    result = users(*arguments, "--json", stdin=stdin)
    assert result.code == REFUSED
    assert says in result.err
    assert json.loads(result.out)["exit_code"] == REFUSED


def test_a_taken_address_is_refused(users: Users) -> None:
    assert users(*CREATE, stdin=PASSWORD).code == OK
    assert users(*CREATE, stdin=PASSWORD).code == REFUSED


def test_users_are_listed(users: Users) -> None:
    assert users("list").out == "There are no users yet.\n"
    users(*CREATE, stdin=PASSWORD)
    lines = users("list").out.splitlines()
    assert lines[0].split()[:3] == ["EMAIL", "NAME", "ROLE"]
    assert lines[1].split() == [
        "ada@example.com",
        "-",
        "user",
        "yes",
        "no",
        "owner",
        "of",
        "acme-co",
    ]
    (listed,) = users("list", "--json").document["users"]
    assert listed["email"] == "ada@example.com"
    assert "password" not in listed


def test_a_password_is_changed(users: Users) -> None:
    users(*CREATE, stdin=PASSWORD)
    changed = users("password", "ADA@example.com", "--password-stdin", stdin="another password\n")
    assert changed.code == OK
    users.sign_in("ada@example.com", "another password")
    with pytest.raises(Unauthenticated):
        users.sign_in("ada@example.com", PASSWORD)


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "ada@example.com", "--tenant", "acme"),
        ("create", "ada@example.com", "--password-stdin"),
        ("password", "ada@example.com"),
    ],
)
def test_nobody_is_asked_where_nobody_is(users: Users, arguments: tuple[str, ...]) -> None:
    assert users(*arguments).code == USAGE


def test_migrate_makes_the_administrator_of_the_settings(
    users: Users, monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    assert main(["migrate"]) == OK
    assert users("list").out == "There are no users yet.\n"
    monkeypatch.setenv("PAAS_ADMIN_EMAIL", "boss@example.com")
    monkeypatch.setenv("PAAS_ADMIN_PASSWORD", PASSWORD)
    assert main(["migrate"]) == OK
    assert main(["migrate"]) == OK
    users.sign_in("boss@example.com", PASSWORD)
