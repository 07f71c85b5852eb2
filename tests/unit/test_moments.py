"""Times as text: one time, written in many ways, sorts before or equal to each of them."""

from datetime import UTC, datetime, timedelta

import pytest

from paas.domain.moments import canonical, shown

START = datetime(2025, 11, 25, 10, 5, 33, tzinfo=UTC)


def forms(at: datetime) -> set[str]:
    """The ways in which guests write this time in UTC without losing a part of it."""
    plain = at.replace(tzinfo=None)
    found = {plain.isoformat(timespec="microseconds")}
    if at.microsecond % 1000 == 0:
        found.add(plain.isoformat(timespec="milliseconds"))
    if at.microsecond == 0:
        found.add(plain.isoformat(timespec="seconds"))
    return {text + zone for text in found for zone in ("Z", "+00:00")}


@pytest.mark.parametrize("microseconds", [0, 100_000, 120_000, 123_000, 123_450, 999_999])
def test_it_sorts_with_every_other_form(microseconds: int) -> None:
    at = START + timedelta(microseconds=microseconds)
    for text in forms(at):
        assert canonical(text) == canonical(at.isoformat())
        assert canonical(text) <= text
    for step in (1, 10, 1000, 877_000, 1_000_000):
        for later in forms(at + timedelta(microseconds=step)):
            assert canonical(at.isoformat()) < later
        for earlier in forms(at - timedelta(microseconds=step)):
            assert canonical(at.isoformat()) > earlier


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2025-11-25T10:05:33.120Z", "2025-11-25T10:05:33.12+00:00"),
        ("2025-11-25T10:05:30", "2025-11-25T10:05:30+00:00"),
        ("2025-11-25T10:00", "2025-11-25T10:00:00+00:00"),
        ("2025-11-25T01:05:33+02:00", "2025-11-24T23:05:33+00:00"),
    ],
)
def test_other_zones_and_shorter_forms(text: str, found: str) -> None:
    assert canonical(text) == found


@pytest.mark.parametrize("text", ["", "now", "2025-02-30T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(text)


def test_the_way_it_is_shown() -> None:
    assert shown("2025-11-25T10:05:33.120+00:00") == "2025-11-25T10:05:33.120Z"
    assert shown("whatever the guest wrote") == "whatever the guest wrote"
