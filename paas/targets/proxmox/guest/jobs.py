"""Work that takes long: it runs as a unit of systemd, and lives on when the connection breaks.

Who asks for the same work again finds it running, and follows it; other work ends it first. So a
platform that died in the middle never has two builds in one folder.
"""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paas.targets.local.sandbox import layout
from paas.targets.local.sandbox.layout import GuestError

from . import places, runtimes, units

Request = Mapping[str, Any]
Answer = dict[str, object]
Say = Callable[[str], None]


def _look_at_release(request: Request) -> Answer | None:
    from . import releases

    return releases.look(request)


def _bring_release(request: Request, say: Say, live: str) -> Answer:
    from . import releases

    return releases.bring(request, say, live)


LOOKS: dict[str, Callable[[Request], Answer | None]] = {
    "runtime": runtimes.look,
    "release": _look_at_release,
}
WORKS: dict[str, Callable[[Request, Say, str], Answer]] = {
    "runtime": lambda request, say, _: runtimes.install(request, say),
    "release": _bring_release,
}
LOOK_AGAIN = 0.03
ASK_SYSTEMD_AGAIN = 1.0
MOST_AT_ONCE = 512 * 1024
ENDINGS = {
    "oom-kill": "it used more memory than the guest has",
    "signal": "it was killed",
}


def _file(name: str) -> Path:
    return places.work_folder() / name


def submit(request: Request) -> Answer:
    """Answer at once if that is possible, else begin the work or find it running."""
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    with _turn():
        is_working = units.is_active(units.WORK)
        if is_working and _file("digest").read_text() == digest:
            return {"working": True}
        # What needs no work leaves the running one alone: it may be this play's next task.
        answer = LOOKS[request["job"]](request)
        if answer is not None:
            return answer
        if is_working:
            units.control("stop", "--", units.WORK)
        _file("result").unlink(missing_ok=True)
        _file("output").write_bytes(b"")
        layout.write_json(_file("request"), request)
        _file("digest").write_text(digest)
        units.control("start", "--", units.WORK)
    return {"working": True}


@contextmanager
def _turn() -> Iterator[None]:
    descriptor = os.open(_file("lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def work() -> int:
    """Do what was asked for; the result goes into a file."""
    request = layout.read_json(_file("request"))
    output = str(_file("output"))
    os.umask(0o022)

    def say(line: str) -> None:
        with open(output, "a", errors="replace") as file:  # noqa: PTH123 (often)
            file.write(f"{line}\n")

    try:
        result = WORKS[str(request["job"])](request, say, output)
    except GuestError as error:
        result = {"failed": str(error)}
    except OSError as error:
        result = {"failed": f"{error.filename}: {error.strerror}"}
    layout.write_json(_file("result"), result)
    _file("request").unlink()
    return 0


def follow(offset: int, patience: float) -> Answer:
    """New output from ``offset`` on, and the result when there is one; waits for either."""
    end = time.monotonic() + patience
    asked = time.monotonic()
    while True:
        result = _result()
        data = _output(offset)
        if data or result is not None or time.monotonic() >= end:
            return _tell(offset, data, result)
        if time.monotonic() - asked > ASK_SYSTEMD_AGAIN:
            asked = time.monotonic()
            _check_alive()
        time.sleep(LOOK_AGAIN)


def _tell(offset: int, data: bytes, result: Answer | None) -> Answer:
    """Whole lines only, but for the last one of all and for one that is too long."""
    is_full = len(data) == MOST_AT_ONCE
    is_last = result is not None and not is_full
    end = data.rfind(b"\n") + 1
    whole = data if is_last or (is_full and not end) else data[:end]
    lines = whole.decode("utf-8", "replace").splitlines()
    answer: Answer = {"lines": lines, "offset": offset + len(whole), "working": not is_last}
    return {**answer, **(result or {})} if is_last else answer


def _result() -> Answer | None:
    try:
        return layout.read_json(_file("result"))
    except FileNotFoundError:
        return None


def _output(offset: int) -> bytes:
    with _file("output").open("rb") as file:
        file.seek(offset)
        return file.read(MOST_AT_ONCE)


def _check_alive() -> None:
    shown = units.show(units.WORK)
    if shown.get("ActiveState") in ("active", "activating") or _result() is not None:
        return
    how = ENDINGS.get(shown.get("Result", ""), "it ended without a result")
    raise GuestError(f"The work in the guest was not finished: {how}.")
