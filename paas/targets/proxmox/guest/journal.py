"""The app's own output, from the journal."""

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime

LONGEST_LINE = 16 * 1024
# How far back one call looks: as JSON, of which the answer must not become too long either.
MOST_BYTES = 16 * 1024 * 1024
MOST_SECONDS = 20.0
STREAMS = {"3": "stderr"}


def tail(limit: int, since: str, search: str) -> list[dict[str, str]]:
    """The last lines, oldest first: ``at`` in UTC with microseconds, stream, text.

    ``since`` is an ``at`` (or anything of ISO 8601) from which on lines count; ``search`` a text
    that they must hold. Looks through the newest 16 MB of the journal, for 20 s at most.
    """
    argv = ["journalctl", "--quiet", "--no-pager", "--all", "--reverse", "--output", "json"]
    argv += ["--output-fields", "MESSAGE,PRIORITY,SYSLOG_IDENTIFIER", "--unit", "paas-app@*"]
    first = _microseconds(since) if since else 0
    if first:
        argv.append(f"--since=@{first // 1_000_000}")
    chosen: list[dict[str, str]] = []
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as reader:
        for at, line in _lines(reader):
            if at < first or len(chosen) >= limit:
                break
            if search in line["text"]:
                chosen.append(line)
        reader.kill()
    return chosen[::-1]


def _microseconds(at: str) -> int:
    moment = datetime.fromisoformat(at)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 1_000_000 + moment.microsecond


def _lines(reader: "subprocess.Popen[bytes]") -> Iterator[tuple[int, dict[str, str]]]:
    end, room = time.monotonic() + MOST_SECONDS, MOST_BYTES
    for raw in reader.stdout or ():
        room -= len(raw)
        if room < 0 or time.monotonic() > end:
            return
        entry = json.loads(raw)
        at = int(entry["__REALTIME_TIMESTAMP"])
        moment = datetime.fromtimestamp(at // 1_000_000, UTC).replace(microsecond=at % 1_000_000)
        text = _text(entry.get("MESSAGE"))[:LONGEST_LINE]
        shown = moment.isoformat(timespec="microseconds")
        yield at, {"at": shown, "stream": _stream(entry), "text": text}


def _stream(entry: dict[str, object]) -> str:
    """What systemd itself says of a release stands between the app's own lines."""
    if entry.get("SYSLOG_IDENTIFIER") != "app":
        return "supervisor"
    return STREAMS.get(str(entry.get("PRIORITY")), "stdout")


def _text(message: object) -> str:
    """Output that is no clean text comes as a list of its bytes."""
    if isinstance(message, list):
        return bytes(message).decode("utf-8", "replace")
    return str(message or "")
