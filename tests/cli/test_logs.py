"""logs --app: the app's own output, and its stream."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from paas.cli import events
from paas.cli.exits import OK, REFUSED, USAGE

from .conftest import Paas
from .fake import APP_ID, FakePlatform, deployment

PATH = f"/api/deployments/{APP_ID}/runtime-logs"


@pytest.fixture(autouse=True)
def shop(fake: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment, and no pause before a broken line is taken up."""
    fake.deployments = [deployment()]
    monkeypatch.setattr(events, "PAUSES", (0.0,))


def query(fake: FakePlatform) -> dict[str, str]:
    parts = urlsplit(fake.asked("GET", "runtime-logs")[-1].path)
    return {name: values[0] for name, values in parse_qs(parts.query).items()}


def line(key: str, text: str) -> bytes:
    data = f'{{"at": "2025-01-01T00:00:0{key[0]}Z", "stream": "stdout", "text": "{text}"}}'
    return f"id: {key}\nevent: line\ndata: {data}".encode()


@pytest.mark.parametrize("option", ["--app", "--runtime"])
def test_the_last_lines(fake: FakePlatform, paas: Paas, option: str) -> None:
    lines = [{"at": "2025-01-01T00:00:00Z", "stream": "stdout", "text": "hello\x07"}]
    fake.answers[f"GET {PATH}"] = [(200, {"logs": lines})]
    assert paas("logs", option, "--limit", "5", "shop").out == "2025-01-01T00:00:00Z hello\\x07\n"
    assert query(fake) == {"limit": "5"}


def test_what_is_asked_for(fake: FakePlatform, paas: Paas) -> None:
    fake.answers[f"GET {PATH}"] = [(200, {"logs": []})]
    asked = ("--since", "2025-01-01T10:00:00.5+02:00", "--search", "a b&c=é")
    assert paas("logs", "--app", "shop", *asked).code == OK
    assert query(fake) == {
        "limit": "1000",
        "since": "2025-01-01T08:00:00.500Z",
        "search": "a b&c=é",
    }


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("0s", timedelta()),
        ("10m", timedelta(minutes=10)),
        ("2h", timedelta(hours=2)),
        ("3d", timedelta(days=3)),
    ],
)
def test_since_a_while_ago(fake: FakePlatform, paas: Paas, text: str, ago: timedelta) -> None:
    fake.answers[f"GET {PATH}"] = [(200, {"logs": []})]
    before = datetime.now(UTC) - ago - timedelta(milliseconds=1)
    paas("logs", "--app", "shop", "--since", text)
    since = datetime.fromisoformat(query(fake)["since"])
    assert before <= since <= datetime.now(UTC) - ago


@pytest.mark.parametrize("text", ["yesterday", "10", "m", "-5m", "999999d", "2025-13-01"])
def test_since_no_time(fake: FakePlatform, paas: Paas, text: str) -> None:
    result = paas("logs", "--app", "shop", "--since", text)
    assert (result.code, "is no time" in result.err) == (USAGE, True)
    assert fake.requests == []


def test_a_part_is_for_the_app_alone(fake: FakePlatform, paas: Paas) -> None:
    result = paas("logs", "shop", "--search", "x")
    assert (result.code, "add --app" in result.err) == (USAGE, True)
    assert fake.requests == []


def test_the_stream_is_taken_up_where_it_broke(fake: FakePlatform, paas: Paas) -> None:
    away = b'event: away\ndata: {"error": "Node pve1 is offline"}'
    fake.output = [
        [b"retry: 1000", line("1/1", "one"), b": still here", line("2/1", "t\\u001b[2Jwo"), away],
        [away],
        [line("2/2", "three")],
    ]
    result = paas("logs", "--app", "-f", "shop", "--search", "o")
    assert result.out.splitlines() == [
        "2025-01-01T00:00:01Z one",
        "2025-01-01T00:00:02Z t\\x1b[2Jwo",
        "2025-01-01T00:00:02Z three",
    ]
    # The reason is said once however often the line breaks for it, and the end by its own.
    assert result.err.splitlines() == [
        "Node pve1 is offline (trying again)",
        "This deployment is deleted",
    ]
    assert result.code == REFUSED
    asked = fake.asked("GET", "follow=1")
    assert [one.headers.get("Last-Event-ID") for one in asked] == [None, "2/1", "2/1", "2/2"]
    assert query(fake) == {"limit": "1000", "search": "o", "follow": "1"}
