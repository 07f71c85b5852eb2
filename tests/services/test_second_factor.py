"""The second factor: set up, asked for, spent once, switched off."""

from collections.abc import Callable

import pyotp
import pytest
from sqlalchemy import select

from paas.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    SecondFactorNeeded,
    TooMany,
    Unauthenticated,
)
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services import accounts, profile, second_factor, tokens
from paas.store import throttles
from paas.store.people import User
from tests.services.people import PASSWORD, actions, actor, add_user, signed_in
from tests.services.test_at_once import together

Clock = Callable[[int], None]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands still until it is moved on by some steps of 30 seconds."""
    now = [second_factor.step_now()]
    monkeypatch.setattr(second_factor, "step_now", lambda: now[0])

    def move(steps: int) -> None:
        now[0] += steps

    return move


def code_of(secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).generate_otp(second_factor.step_now() + steps)


def enrolled(platform: Platform, clock: Clock) -> tuple[Actor, str, tuple[str, ...]]:
    me = actor(platform, add_user(platform))
    secret = second_factor.enrol(platform, me).secret
    codes = second_factor.confirm(platform, me, code_of(secret))
    clock(1)
    return me, secret, codes


def sign_in(platform: Platform, me: Actor, code: str | None) -> None:
    accounts.sign_in(platform, me.name, PASSWORD, code, source="192.0.2.1")


def test_it_is_set_up_with_a_picture_and_a_code(platform: Platform) -> None:
    me = actor(platform, add_user(platform))
    made = second_factor.enrol(platform, me)
    assert made.uri.startswith("otpauth://totp/paas:")
    assert f"secret={made.secret}" in made.uri
    assert made.picture.startswith("<svg")
    assert "style=" not in made.picture
    # Until a code has been seen, it is not asked for.
    signed_in(platform, me.name)
    with pytest.raises(Invalid):
        second_factor.confirm(platform, me, "abcdef")
    codes = second_factor.confirm(platform, me, code_of(made.secret))
    assert len(set(codes)) == 10
    assert profile.profile(platform, me).has_second_factor
    with platform.store.read() as session:
        user = session.scalars(select(User)).one()
        assert made.secret.encode() not in (user.totp_secret or b"")
        assert not set(codes) & set(user.recovery_codes)
    with pytest.raises(Conflict):
        second_factor.enrol(platform, me)
    assert actions(platform) == ["account.second_factor.on"]


def test_it_is_asked_for_and_a_code_counts_once(platform: Platform, clock: Clock) -> None:
    me, secret, _ = enrolled(platform, clock)
    for missing in (None, ""):
        with pytest.raises(SecondFactorNeeded):
            sign_in(platform, me, missing)
    code = code_of(secret)
    sign_in(platform, me, f"{code[:3]} {code[3:]}")
    with pytest.raises(Unauthenticated) as told:
        sign_in(platform, me, code)
    assert told.value.message == second_factor.WRONG_CODE
    clock(1)
    sign_in(platform, me, code_of(secret))


def test_a_clock_may_be_a_step_off_and_no_more(platform: Platform, clock: Clock) -> None:
    me, secret, _ = enrolled(platform, clock)
    clock(5)
    for steps in (-2, 2):
        with pytest.raises(Unauthenticated):
            sign_in(platform, me, code_of(secret, steps))
    sign_in(platform, me, code_of(secret, -1))
    sign_in(platform, me, code_of(secret, 1))
    # What is older than a code that was used is used too.
    with pytest.raises(Unauthenticated):
        sign_in(platform, me, code_of(secret))


def test_a_wrong_password_says_nothing_of_the_second_factor(
    platform: Platform, clock: Clock
) -> None:
    me, secret, _ = enrolled(platform, clock)
    with pytest.raises(Unauthenticated) as told:
        accounts.sign_in(platform, me.name, "wrong", code_of(secret))
    assert not isinstance(told.value, SecondFactorNeeded)
    assert told.value.message == accounts.WRONG
    sign_in(platform, me, code_of(secret))


@pytest.mark.parametrize(
    "code", ["000000", "x", "ünï-cödé", "\uff11\uff12\uff13\uff14\uff15\uff16", "9" * 3000]
)
def test_rubbish_is_no_code(platform: Platform, clock: Clock, code: str) -> None:
    me, _, _ = enrolled(platform, clock)
    with pytest.raises(Unauthenticated):
        sign_in(platform, me, code)


def test_codes_cannot_be_guessed_by_whoever_has_the_password(
    platform: Platform, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttles, "FIRST_PAUSE", 600)
    me, secret, _ = enrolled(platform, clock)
    for _ in range(6):
        # Asking without a code in between begins no new count.
        with pytest.raises(SecondFactorNeeded):
            sign_in(platform, me, None)
        with pytest.raises(Unauthenticated):
            sign_in(platform, me, "x")
    with pytest.raises(TooMany):
        sign_in(platform, me, code_of(secret))


def test_of_two_sign_ins_at_once_with_one_code_one_succeeds(
    platform: Platform, clock: Clock
) -> None:
    me, secret, _ = enrolled(platform, clock)
    came: list[str] = []

    def go() -> None:
        try:
            sign_in(platform, me, code_of(secret))
            came.append("in")
        except Unauthenticated:
            came.append("out")

    together(go, go)
    assert sorted(came) == ["in", "out"]


def test_a_recovery_code_works_once(platform: Platform, clock: Clock) -> None:
    me, _, codes = enrolled(platform, clock)
    sign_in(platform, me, codes[0].upper().replace("-", " "))
    with pytest.raises(Unauthenticated):
        sign_in(platform, me, codes[0])
    sign_in(platform, me, codes[9])


def test_new_recovery_codes_take_the_place_of_the_old(platform: Platform, clock: Clock) -> None:
    me, secret, codes = enrolled(platform, clock)
    fresh = second_factor.renew_codes(platform, me, PASSWORD, code_of(secret))
    with pytest.raises(Unauthenticated):
        sign_in(platform, me, codes[0])
    sign_in(platform, me, fresh[0])


def test_it_is_switched_off_with_password_and_code(platform: Platform, clock: Clock) -> None:
    me, secret, codes = enrolled(platform, clock)
    for password, code in ((PASSWORD, "x"), ("wrong", code_of(secret)), (PASSWORD, "")):
        with pytest.raises(Invalid):
            second_factor.disable(platform, me, password, code)
    second_factor.disable(platform, me, PASSWORD, codes[3])
    sign_in(platform, me, None)
    assert not profile.profile(platform, me).has_second_factor
    with pytest.raises(Conflict):
        second_factor.disable(platform, me, PASSWORD, "x")
    assert actions(platform) == ["account.second_factor.on", "account.second_factor.off"]


def test_a_token_does_not_touch_it(platform: Platform) -> None:
    me = actor(platform, add_user(platform))
    made = tokens.create(platform, me, "all", sorted(me.permissions))
    by_token = tokens.identify_token(platform, made.token)
    with pytest.raises(Forbidden):
        second_factor.enrol(platform, by_token)
