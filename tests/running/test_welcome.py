"""The first start tells the first administrator's password once, to the terminal alone."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from paas.engine.assembly import build
from paas.running.child import Role, spawn
from paas.running.welcome import Welcome
from paas.services import accounts
from paas.settings import Settings
from tests.running.support import DEADLINE
from tests.running.test_platform import Platform, platform

__all__ = ["platform"]

PASSWORD = "a password for tests"


def prepared(settings: Settings) -> Welcome:
    """As a start does it: in a child."""
    welcome = Welcome(settings)
    child = spawn(Role("prepare", welcome.prepare), "INFO", ())
    assert os.waitpid(child.pid, 0)[1] == 0
    output = child.output.read() or b""
    child.output.close()
    assert welcome._password.encode() not in output
    return welcome


def sign_in(settings: Settings, email: str, password: str) -> None:
    made = build(settings)
    accounts.sign_in(made, email, password)
    made.store.close()


def test_a_password_that_was_made_is_told_once(settings: Settings) -> None:
    sentence = prepared(settings).sentence()
    found = re.search(r"is (\S+), the password: (\S+) ", sentence)
    assert found
    assert found[1] == "admin@localhost"
    assert len(found[2]) >= 20
    sign_in(settings, found[1], found[2])
    assert prepared(settings).sentence() == ""


def test_a_password_that_was_set_is_not_told(settings: Settings) -> None:
    given = replace(settings, admin_email="boss@example.com", admin_password=PASSWORD)
    assert prepared(given).sentence() == ""
    sign_in(settings, "boss@example.com", PASSWORD)


def test_an_address_alone_gets_a_password_that_is_told(settings: Settings) -> None:
    given = replace(settings, admin_email="boss@example.com")
    assert "boss@example.com" in prepared(given).sentence()


def test_a_start_shows_it_on_the_terminal_and_in_no_log(platform: Platform) -> None:
    platform.wait_url()
    (line,) = [line for line in platform.shown().splitlines() if "administrator" in line]
    password = line.partition("password: ")[2].split()[0]
    logs = [path.read_text() for path in (platform.instance / "logs").iterdir()]
    assert logs
    assert not any(password in text for text in logs)
    platform.process.terminate()
    assert platform.process.wait(DEADLINE) == 0
    second = Platform(platform.instance, output="second.txt")
    try:
        second.wait_url()
        assert "administrator" not in second.shown()
    finally:
        second.process.terminate()
        assert second.process.wait(DEADLINE) == 0


@pytest.mark.parametrize("given", ["short", "password123"])
def test_a_password_that_would_be_guessed_is_no_setting(given: str, tmp_path: Path) -> None:
    second = Platform(tmp_path / "i", PAAS_ADMIN_PASSWORD=given)
    assert second.process.wait(DEADLINE) == 2
    assert "PAAS_ADMIN_PASSWORD: the password" in second.shown()
    assert given not in second.shown()
