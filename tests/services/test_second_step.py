"""The code of the second factor, a request after the password."""

import pyotp
import pytest

from paas.domain.account_views import SignedIn
from paas.domain.errors import Unauthenticated
from paas.engine.platform import Platform
from paas.services import second_factor, second_step
from paas.services.second_step import Half
from tests.services import people


def halfway(platform: Platform) -> tuple[Half, pyotp.TOTP]:
    """A sign-in whose password was right, and what makes its codes."""
    email = people.add_user(platform)
    actor = people.actor(platform, email)
    totp = pyotp.TOTP(second_factor.enrol(platform, actor).secret)
    second_factor.confirm(platform, actor, totp.generate_otp(second_factor.step_now() - 1))
    half = second_step.begin(platform, email, people.PASSWORD)
    assert isinstance(half, Half)
    return half, totp


def test_without_a_second_factor_there_is_one_step(platform: Platform) -> None:
    email = people.add_user(platform)
    assert isinstance(second_step.begin(platform, email, people.PASSWORD), SignedIn)
    with pytest.raises(Unauthenticated):
        second_step.begin(platform, email, "wrong")


def test_the_code_ends_it(platform: Platform) -> None:
    half, totp = halfway(platform)
    assert people.PASSWORD not in half.sealed
    assert half.sealed not in repr(half)
    with pytest.raises(Unauthenticated):
        second_step.finish(platform, half, "000000")
    code = totp.generate_otp(second_factor.step_now())
    assert isinstance(second_step.finish(platform, half, code), SignedIn)


def test_what_was_kept_is_of_no_use_late_or_changed(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    half, totp = halfway(platform)
    for sealed in ("", half.sealed[:-4] + "AAAA", "ä"):
        with pytest.raises(Unauthenticated, match="too long"):
            second_step.finish(platform, Half(sealed), "000000")
    monkeypatch.setattr(second_step, "SECONDS", -1)
    with pytest.raises(Unauthenticated, match="too long"):
        second_step.finish(platform, half, totp.generate_otp(second_factor.step_now()))
