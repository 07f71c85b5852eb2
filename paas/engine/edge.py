"""The edge as the engine sees it: told by a file of the instance, which its process follows.

Everybody who changes what serves calls ``apply_now``; ``follow`` makes up for whoever died before
he did, and for machines whose edge is another one.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from sqlalchemy.exc import OperationalError

from paas.domain.routes import Table, Upstream
from paas.domain.states import AppState
from paas.domain.views import AppView
from paas.engine import routing
from paas.engine.platform import Platform
from paas.settings import Settings
from paas.tools import connections
from paas.tools.edge import files

log = structlog.get_logger(__name__)

TOPIC = "routes"
EVERY_SECONDS = 2.0
APPLY_SECONDS = 5.0
DRAIN_SECONDS = 10.0
LOOK_SECONDS = 0.05
# An edge on another machine looks at the database this often, and its requests end unseen.
ELSEWHERE_SECONDS = EVERY_SECONDS + 1.0
DOMAIN = "localhost"


def folder(settings: Settings) -> Path:
    """Where the edge of this instance is told its table."""
    return settings.instance / "edge"


def domain(platform: Platform) -> str:
    """The domain that apps have their names in, without a port."""
    return (platform.live.now().default_domain or DOMAIN).partition(":")[0]


def edge_url(platform: Platform, app: AppView) -> str | None:
    """The app's address at the edge; None while it is not served, or without an edge.

    With ``localhost`` every browser finds it without a name server.
    """
    settings = platform.settings
    if settings.edge == "off" or not settings.edge_listen or not _serves(app):
        return None
    name, _, told = (platform.live.now().default_domain or DOMAIN).partition(":")
    port = told or settings.edge_listen.rpartition(":")[2]
    return f"http://{app.subdomain}.{name}" + (f":{port}" if port != "80" else "")


def _serves(app: AppView) -> bool:
    return app.state in (AppState.RUNNING, AppState.DEPLOYING) and app.release is not None


def apply_now(platform: Platform, *, seconds: float = APPLY_SECONDS) -> bool:
    """Let the edge serve by what the database says now; True when it is known to.

    Waits up to ``seconds`` for the edge of this machine. Without one, or when it does not
    answer in time, the answer is False and nothing is wrong: it will follow by itself.
    """
    if platform.settings.edge == "off":
        platform.hub.publish(TOPIC)
        return False
    told = _tell(platform)
    platform.hub.publish(TOPIC)
    place, end = folder(platform.settings), time.monotonic() + seconds
    while (now := files.applied(place)) != told.digest:
        if not now or time.monotonic() > end:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def drain(
    platform: Platform,
    upstreams: Iterable[Upstream],
    *,
    seconds: float = DRAIN_SECONDS,
    wait: Callable[[float], None] = time.sleep,
) -> bool:
    """Take guests that the database no longer counts out of the edge, and let their requests end.

    Call it after the transaction that decided, and before anything happens to them. Returns when
    nobody is connected to them any more, at the latest after ``seconds``, then with False.
    ``wait`` may raise a reason to end earlier.
    """
    end = time.monotonic() + seconds
    if not apply_now(platform):
        wait(min(ELSEWHERE_SECONDS, seconds))
    leaving = set(upstreams)
    while connections.to(leaving):
        if time.monotonic() > end:
            return False
        wait(LOOK_SECONDS)
    return True


def follow(platform: Platform, end: threading.Event) -> None:
    """Tell the edge of this machine what the database says, until ``end`` is set.

    With the database or Redis gone the edge goes on with what it was told last.
    """
    if platform.settings.edge == "off":
        return
    with platform.hub.listen(TOPIC) as listener:
        while not end.is_set():
            try:
                _tell(platform)
            except OperationalError as error:
                log.warning("the edge keeps its routes: no database", error=str(error.orig))
            except OSError as error:
                log.error("the edge cannot be told its routes", error=str(error))
            listener.wait(EVERY_SECONDS)


def _tell(platform: Platform) -> Table:
    place = folder(platform.settings)
    place.mkdir(mode=0o700, exist_ok=True)
    with _alone(place):
        with platform.store.read() as session:
            found = routing.table(session, domain(platform))
        if files.write_table(place, found):
            log.debug("the edge was told its routes", routes=len(found.routes))
    return found


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One at a time reads and tells: what was read earlier must not be told later."""
    descriptor = os.open(place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
