"""Guessing passwords is made slow, by account and by address, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from paas.domain.errors import TooMany, Unauthenticated
from paas.engine.platform import Platform
from paas.services import accounts
from paas.store import throttles
from paas.store.base import utcnow
from paas.store.people import Throttle
from tests.services.people import add_user, signed_in
from tests.services.test_at_once import together


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause ends while a test looks, however slow the machine is."""
    monkeypatch.setattr(throttles, "FIRST_PAUSE", 600)


def test_a_right_password_does_not_end_a_pause(platform: Platform) -> None:
    email = add_user(platform)
    for _ in range(6):
        with pytest.raises(Unauthenticated):
            accounts.sign_in(platform, email, "wrong", source="192.0.2.9")
    with pytest.raises(TooMany) as told:
        signed_in(platform, email, source="192.0.2.10")
    assert 590 < told.value.retry_after <= 600


def test_guesses_at_once_get_no_further_than_guesses_in_a_row(platform: Platform) -> None:
    email = add_user(platform)
    came: list[type[Exception]] = []

    def guess() -> None:
        try:
            accounts.sign_in(platform, email, "wrong", source="192.0.2.9")
        except (Unauthenticated, TooMany) as answer:
            came.append(type(answer))

    together(*[guess] * 12)
    assert came.count(Unauthenticated) == 6


def test_a_stranger_cannot_shut_a_user_out_of_a_known_address(platform: Platform) -> None:
    email = add_user(platform)
    signed_in(platform, email, source="192.0.2.1")
    for _ in range(6):
        with pytest.raises(Unauthenticated):
            accounts.sign_in(platform, email, "wrong", source="198.51.100.1")
    with pytest.raises(TooMany):
        signed_in(platform, email, source="203.0.113.1")
    signed_in(platform, email, source="192.0.2.1")


def test_an_address_that_tries_many_accounts_is_paused(platform: Platform) -> None:
    for number in range(31):
        with pytest.raises(Unauthenticated):
            accounts.sign_in(platform, f"u{number}@example.com", "wrong", source="2001:db8::1")
    email = add_user(platform)
    with pytest.raises(TooMany):
        signed_in(platform, email, source="2001:db8::2")
    signed_in(platform, email, source="2001:db8:0:1::2")


def test_signing_in_well_costs_the_address_nothing(platform: Platform) -> None:
    email = add_user(platform)
    for _ in range(33):
        signed_in(platform, email)


def test_pauses_grow_and_are_forgotten_after_a_day(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttles, "FIRST_PAUSE", 2)
    pauses = []
    for _ in range(14):
        with platform.store.write() as session:
            assert throttles.count(session, "account:x", 2) == 0
            row = session.scalars(select(Throttle)).one()
            pauses.append(round((row.until - utcnow()).total_seconds()) if row.until else 0)
            row.until = None
    assert pauses == [0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    with platform.store.write() as session:
        session.execute(update(Throttle).values(first_at=utcnow() - timedelta(hours=25)))
    with platform.store.write() as session:
        assert throttles.count(session, "account:x", 2) == 0
        assert session.scalars(select(Throttle.failures)).one() == 1
        session.execute(update(Throttle).values(first_at=utcnow() - timedelta(hours=25)))
        throttles.prune(session, utcnow())
        assert session.scalars(select(Throttle)).all() == []
