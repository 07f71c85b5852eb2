from datetime import UTC, datetime, timedelta

import pytest

from paas.domain.states import AppState, OperationKind
from paas.domain.views import StatsView
from paas.web import words

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (7200, "2 h ago"),
        (86400 * 12, "12 d ago"),
        (86400 * 65, "2 mo ago"),
        (86400 * 800, "2 y ago"),
    ],
)
def test_age_in_its_largest_unit(seconds: int, text: str) -> None:
    assert words.age(NOW - timedelta(seconds=seconds), NOW) == text


def test_age_takes_a_time_without_a_zone_as_utc() -> None:
    assert words.age(NOW.replace(tzinfo=None) - timedelta(hours=3), NOW) == "3 h ago"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1.0, "0.0 s"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3720, "1 h 02 min"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_every_state_and_operation_has_a_word_and_a_look() -> None:
    assert set(words.STATE_WORDS) == set(words.STATE_LOOKS) == set(AppState)
    assert set(words.OPERATION_WORDS) == set(OperationKind)


def test_what_is_done_to_an_app_says_more_than_its_state() -> None:
    assert words.word(AppState.RUNNING) == "running"
    assert words.word(AppState.RUNNING, "redeploy") == "redeploying"
    assert words.look(AppState.RUNNING, "redeploy") == "busy"
    assert words.word(AppState.PROVISIONING, "deploy") == "making its guest"
    assert words.look(AppState.DELETED, "destroy") == "idle"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/acme/shop", "acme/shop"),
        ("https://github.com/acme/shop.git", "acme/shop"),
        ("https://git.example.org/acme/shop/", "git.example.org/acme/shop"),
    ],
)
def test_repository_name(url: str, name: str) -> None:
    assert words.repository_name(url) == name


def test_links_lead_nowhere_but_to_https() -> None:
    assert words.link("https://github.com/a/b") == "https://github.com/a/b"
    assert words.link("javascript:alert(1)") == "#"


@pytest.mark.parametrize(("megabytes", "text"), [(512, "512 MB"), (2048, "2 GB"), (1536, "1.5 GB")])
def test_size(megabytes: int, text: str) -> None:
    assert words.size(megabytes) == text


def test_one_window_for_each_deployment() -> None:
    assert words.windows(StatsView(4, 2, 1, 50.0)) == ["running", "running", "idle", "failed"]
    assert words.windows(StatsView(0, 0, 0, 0.0)) == []


def test_of_many_deployments_windows_show_the_shares_and_hide_nothing() -> None:
    windows = words.windows(StatsView(100_000, 99_998, 1, 100.0))
    assert len(windows) == words.WINDOWS
    assert windows.count("failed") == windows.count("idle") == 1
