"""A user's own name and password, and a forgotten one."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import update

from paas.domain.errors import Forbidden, Invalid, NotFound, TooMany, Unauthenticated
from paas.engine.platform import Platform
from paas.services import accounts, letters, profile, resets, tokens
from paas.settings import Settings
from paas.store import throttles
from paas.store.base import utcnow
from paas.store.people import Letter, User
from tests.factories import ACTOR
from tests.services.people import (
    PASSWORD,
    actions,
    actor,
    add_user,
    link_in,
    signed_in,
    with_settings,
)
from tests.tools.smtp import Post, serving

NEW = "a quite new password"


def test_a_name_is_changed_and_nothing_else(platform: Platform) -> None:
    me = actor(platform, add_user(platform))
    found = profile.update(platform, me, first_name=" Ada ", last_name="King Ünïcode")
    assert (found.first_name, found.last_name) == ("Ada", "King Ünïcode")
    found = profile.update(platform, me, last_name="")
    assert (found.first_name, found.last_name) == ("Ada", "")
    assert profile.profile(platform, me) == found
    with pytest.raises(Invalid, match="first name"):
        profile.update(platform, me, first_name="a\nb", last_name="x" * 101)
    assert actions(platform) == ["account.update", "account.update"]


def test_a_new_password_ends_all_other_sign_ins(platform: Platform) -> None:
    email = add_user(platform)
    other = signed_in(platform, email)
    me = actor(platform, email)
    profile.change_password(platform, me, PASSWORD, NEW)
    assert [one.is_this for one in accounts.sign_ins(platform, me)] == [True]
    with pytest.raises(Unauthenticated):
        accounts.refresh(platform, other.refresh)
    with pytest.raises(Unauthenticated):
        signed_in(platform, email)
    accounts.sign_in(platform, email, NEW)
    assert actions(platform) == ["account.password"]


def test_a_password_is_changed_only_with_the_current_one(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttles, "FIRST_PAUSE", 600)
    me = actor(platform, add_user(platform))
    with pytest.raises(Invalid, match="at least 10"):
        profile.change_password(platform, me, PASSWORD, "short")
    for _ in range(6):
        with pytest.raises(Invalid, match="current"):
            profile.update(
                platform, me, first_name="Eve", current_password="wrong", new_password=NEW
            )
    with pytest.raises(TooMany):
        profile.change_password(platform, me, PASSWORD, NEW)
    assert profile.profile(platform, me).first_name == ""


def test_a_token_shows_the_profile_and_changes_nothing(platform: Platform) -> None:
    me = actor(platform, add_user(platform))
    made = tokens.create(platform, me, "all", sorted(me.permissions))
    by_token = tokens.identify_token(platform, made.token)
    assert profile.profile(platform, by_token).email == me.name
    with pytest.raises(Forbidden):
        profile.update(platform, by_token, first_name="Eve")
    with pytest.raises(Forbidden):
        profile.change_password(platform, by_token, PASSWORD, NEW)


def test_who_has_no_account_has_no_profile(platform: Platform) -> None:
    with pytest.raises(Forbidden):
        profile.profile(platform, ACTOR)


def asked(platform: Platform, email: str) -> str:
    """Ask for a new password; the secret of the link in the letter."""
    with serving(Post()) as post:
        at_post = with_settings(platform, smtp_url=f"smtp://127.0.0.1:{post.port}")
        resets.ask(at_post, email, source="192.0.2.1")
        letter = post.wait()
    assert letter["To"] == email
    return link_in(letter.get_content(), "reset")


def test_a_forgotten_password_is_chosen_anew_by_a_letter(platform: Platform) -> None:
    email = add_user(platform)
    before = signed_in(platform, email)
    secret = asked(platform, email)
    assert resets.whose(platform, secret) == email
    with pytest.raises(Invalid):
        resets.choose(platform, secret, "short")
    resets.choose(platform, secret, NEW, source="192.0.2.1")
    accounts.sign_in(platform, email, NEW)
    with pytest.raises(Unauthenticated):
        accounts.identify(platform, before.sign_in)
    with pytest.raises(NotFound):
        resets.choose(platform, secret, NEW)
    assert actions(platform) == ["account.password.asked", "account.password.reset"]


def test_a_second_letter_ends_the_first_and_time_ends_both(platform: Platform) -> None:
    email = add_user(platform)
    first, second = asked(platform, email), asked(platform, email)
    with pytest.raises(NotFound):
        resets.whose(platform, first)
    resets.whose(platform, second)
    with platform.store.write() as session:
        session.execute(update(Letter).values(expires_at=utcnow() - timedelta(seconds=1)))
    with pytest.raises(NotFound):
        resets.choose(platform, second, NEW)


def test_a_changed_password_ends_the_links_to_another(platform: Platform) -> None:
    me = actor(platform, add_user(platform))
    secret = asked(platform, me.name)
    profile.change_password(platform, me, PASSWORD, NEW)
    with pytest.raises(NotFound):
        resets.choose(platform, secret, "a third password")


@pytest.mark.parametrize("text", ["", "x", "ünï", "../..", "a" * 5000])
def test_rubbish_is_no_link(platform: Platform, text: str) -> None:
    with pytest.raises(NotFound):
        resets.whose(platform, text)


def test_nothing_tells_whether_an_address_has_an_account(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttles, "FIRST_PAUSE", 600)
    sent: list[letters.Draft] = []
    monkeypatch.setattr(letters, "deliver_behind", lambda _, draft: sent.append(draft))
    gone = add_user(platform)
    with platform.store.write() as session:
        session.execute(update(User).where(User.email == gone).values(is_active=False))
    known = add_user(platform)
    for email in (known, "nobody@example.com", gone, "rubbish"):
        for _ in range(4):
            resets.ask(platform, email, source="192.0.2.1")
        with pytest.raises(TooMany):
            resets.ask(platform, email, source="192.0.2.1")
    assert {draft.to for draft in sent} == {known}


def test_a_pause_that_a_stranger_made_ends_with_the_new_password(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttles, "FIRST_PAUSE", 600)
    email = add_user(platform)
    for _ in range(6):
        with pytest.raises(Unauthenticated):
            accounts.sign_in(platform, email, "wrong", source="198.51.100.1")
    resets.choose(platform, asked(platform, email), NEW)
    accounts.sign_in(platform, email, NEW, source="192.0.2.1")


DRAFT = letters.Draft(
    "ada@example.com", "the link to a thing", "Hello", "Words", "http://localhost/x/y"
)


def test_without_a_mail_server_the_log_has_the_link(platform: Platform) -> None:
    with structlog.testing.capture_logs() as lines:
        says = letters.deliver(platform, DRAFT)
    assert "PAAS_SMTP_URL" in says
    (line,) = lines
    assert (line["to"], line["link"]) == (DRAFT.to, DRAFT.link)
    assert line["log_level"] == "warning"


def test_a_mail_server_that_fails_loses_no_letter(platform: Platform) -> None:
    with serving(Post(refuses="ada@")) as post, structlog.testing.capture_logs() as lines:
        at_post = with_settings(platform, smtp_url=f"smtp://127.0.0.1:{post.port}")
        says = letters.deliver(at_post, DRAFT)
    assert "550 nobody of that name" in says
    assert lines[0]["link"] == DRAFT.link


def test_no_crowd_of_letters_waits_for_the_mail_server(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = letters.threading.BoundedSemaphore(1)
    places.acquire()
    monkeypatch.setattr(letters, "_places", places)
    with structlog.testing.capture_logs() as lines:
        letters.deliver_behind(platform, DRAFT)
    assert lines[0]["link"] == DRAFT.link


@pytest.mark.parametrize(
    ("given", "begins"),
    [
        ({"public_url": "https://paas.example.com/"}, "https://paas.example.com"),
        ({"host": "0.0.0.0", "port": 80}, "http://localhost:80"),
        ({"host": "::1"}, "http://[::1]:5000"),
        ({"host": "192.0.2.1"}, "http://192.0.2.1:5000"),
    ],
)
def test_links_begin_where_people_reach_the_platform(
    given: dict[str, Any], begins: str, tmp_path: Path
) -> None:
    assert letters.public_url(Settings(instance=tmp_path, **given)) == begins
