"""``paas demo``: a platform, a bundled sample on it, and the way through the public API."""

import contextlib
import http.client
import os
import re
import signal
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from types import FrameType
from urllib.parse import urlsplit

from paas.cli.client import Json, deployment_of
from paas.cli.exits import FAILED, INTERRUPTED, OK, CliFailure
from paas.cli.session import Session
from paas.cli.work import Request, carry_out
from paas.domain.errors import PaasError
from paas.running.child import HANDLED, die_with
from paas.running.platform import run
from paas.running.sample import REPOSITORY, make_mirror
from paas.settings import Settings

NAME = "demo"
PATIENCE = 10.0


def demo(settings: Settings, *, once: bool) -> int:
    """Deploy the sample on a platform of its own and keep both until Ctrl-C.

    ``once`` destroys the app as soon as it has answered. Returns 0, or 1 with the reason shown.
    """
    before = {number: signal.signal(number, _interrupt) for number in _ENDINGS}
    try:
        mirror = make_mirror(settings.instance / "demo")
        with _platform(replace(settings, git_mirror=str(mirror))) as (url, pid):
            return _show(Session(url=url), pid, once=once) if url else FAILED
    except PaasError as error:
        _say(f"demo: {error.message}")
        return FAILED
    except CliFailure as failure:
        return _complain(failure)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _show(session: Session, platform: int, *, once: bool) -> int:
    _remove_old(session)
    code = OK
    try:
        _deploy(session)
        _say_where(session)
        if not once:
            _say("Press Ctrl-C to destroy the app and stop the platform.")
            _wait(platform)
    except CliFailure as failure:
        code = _complain(failure)
    except KeyboardInterrupt:
        code = INTERRUPTED
    _destroy(session)
    return code


def _complain(failure: CliFailure) -> int:
    if failure.code == INTERRUPTED:
        # Its sentence says that the work goes on, but the demo ends what it began.
        return INTERRUPTED
    for sentence in failure.sentences:
        _say(f"demo: {sentence}")
    return FAILED


def _remove_old(session: Session) -> None:
    """A demo that was killed may have left its app; another's of that name is left alone."""
    found = _find(session)
    if found is None:
        return
    if found.get("github_url") != REPOSITORY:
        raise CliFailure(
            FAILED,
            f"An app named {NAME} is there that is not the demo's. Rename it, or give the demo an "
            "instance of its own with PAAS_INSTANCE.",
        )
    _say("An earlier demo left its app behind; destroying it first.")
    _destroy(session)


def _find(session: Session) -> Json | None:
    for found in session.client().every({"search": NAME}):
        if str(found.get("name")).lower() == NAME:
            return found
    return None


def _deploy(session: Session) -> None:
    _say(f"POST /api/deploy: {REPOSITORY} (the bundled sample) as {NAME}")
    body: Json = {
        "name": NAME,
        "deployment_type": "lxc",
        "framework": "flask",
        "github_url": REPOSITORY,
    }
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    what = f"The deployment of {NAME}"
    request = Request("POST", "/api/deploy", "running", what, body=body, headers=headers)
    carry_out(session, request, verbose=False, detach=False)


def _destroy(session: Session) -> None:
    found = _find(session)
    if found is None:
        return
    _say(f"DELETE /api/deployments/{found['id']}")
    request = Request(
        "DELETE",
        f"/api/deployments/{found['id']}",
        wanted="deleted",
        what=f"The destruction of {NAME}",
        subject=found,
    )
    carry_out(session, request, verbose=False, detach=False)


def _say_where(session: Session) -> None:
    found = _find(session) or {}
    whole = deployment_of(session.client().call("GET", f"/api/deployments/{found.get('id')}"))
    address = str(whole.get("access_url"))
    status, text = _fetch(address)
    if status >= 400:
        raise CliFailure(FAILED, f"The app at {address} answered {status}: {text}")
    _say(f"app:     {address}  (answered {status}: {text})")
    _say(f"status:  {session.url}/")


def _fetch(address: str) -> tuple[int, str]:
    """One look at the app's own address: the status, and the title or the beginning."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        text = answer.read(4096).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise CliFailure(FAILED, f"The app at {address} does not answer: {error}") from error
    finally:
        connection.close()
    title = re.search(r"<title>([^<]+)", text)
    return answer.status, " ".join((title.group(1) if title else text).split())[:60]


def _wait(platform: int) -> None:
    """Return at Ctrl-C; raise if the platform ends by itself."""
    with contextlib.suppress(KeyboardInterrupt):
        os.waitid(os.P_PID, platform, os.WEXITED | os.WNOWAIT)
        raise CliFailure(FAILED, "The platform has ended; the reason is in its log.")


@contextlib.contextmanager
def _platform(settings: Settings) -> Iterator[tuple[str, int]]:
    """A platform in a process of its own: its URL, empty if it could not start, and its pid."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    demo_pid = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _be_platform(settings, demo_pid, writing)
    os.close(writing)
    try:
        with os.fdopen(reading) as ready:
            url = ready.readline().strip()
        yield url, pid
    finally:
        _end(pid)


def _be_platform(settings: Settings, demo_pid: int, ready: int) -> None:
    code = FAILED
    try:
        die_with(demo_pid)
        # Ctrl-C is for the demo alone: it needs the platform to destroy its app.
        os.setsid()
        for number in HANDLED:
            signal.signal(number, signal.SIG_DFL)
        code = run(settings, on_ready=lambda url: _tell(ready, url), quiet=True)
    finally:
        sys.stdout.flush()
        os._exit(code)


def _tell(ready: int, url: str) -> None:
    os.write(ready, f"{url}\n".encode())
    os.close(ready)


def _end(pid: int) -> None:
    """Stop the platform; another Ctrl-C is passed on, and ends it at once."""
    while True:
        try:
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)
            return
        except KeyboardInterrupt:
            continue
        except (ProcessLookupError, ChildProcessError):
            return


def _say(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()
