"""A platform for the doors: everything is real but the guests.

``InstantWorker`` stands where the queue is. What a worker would do in minutes it writes down at
once, through the same store, so that a request that waits finds its work ended.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from redis import Redis

from paas.domain.errors import Unreachable
from paas.domain.states import (
    AppState,
    DeploymentState,
    GuestState,
    OperationKind,
    OperationState,
)
from paas.domain.views import Difference
from paas.engine.hub import Hub
from paas.engine.platform import Platform
from paas.frameworks.catalogue import Catalogue, Framework
from paas.settings import Settings
from paas.store import apps, events, guests, operations, setup
from paas.store.base import utcnow
from paas.store.models import App, Deployment, Operation, Release
from paas.store.unit_of_work import Store
from paas.targets.contract import Machine, Place, Presence, RuntimeLine, Standing

TOKEN = "a-token-for-tests-only-0123456789"
UUID_OF_NOBODY = "00000000-0000-4000-8000-000000000000"
CATALOGUE = Catalogue(
    {
        key: Framework(key, name, language, version, 8000, install, language, (), "")
        for key, name, language, version, install in (
            ("django", "Django", "python", "4.2", "pip install django gunicorn"),
            ("flask", "Flask", "python", "3.1", "pip install flask gunicorn"),
            ("laravel", "Laravel", "php", "10.x", "composer global require laravel/installer"),
            ("php", "PHP", "php", "8.2", "apt-get install php"),
        )
    }
)
ON_THE_WAY = (AppState.PROVISIONING, AppState.DEPLOYING, AppState.RUNNING)


_numbers = count(1)


def body(**changes: object) -> dict[str, Any]:
    """A valid body of ``POST /api/deploy`` with a name of its own; None leaves a field out."""
    given: dict[str, Any] = {
        "name": f"mon-application-{next(_numbers)}",
        "deployment_type": "vm",
        "framework": "django",
        "github_url": "https://github.com/username/repository",
        "resources": {"cores": 2, "memory": 2048, "disk": 20},
    }
    return {key: value for key, value in {**given, **changes}.items() if value is not None}


@dataclass
class InstantWorker:
    """``error`` lets work fail with that sentence; ``asleep`` leaves it undone."""

    store: Store
    hub: Hub
    error: str | None = None
    asleep: bool = False
    enqueued: list[str] = field(default_factory=list)

    def enqueue(self, operation_id: int, uuid: str, _epoch: int) -> None:
        self.enqueued.append(uuid)
        if not self.asleep:
            self.finish(operation_id)

    def finish(self, operation_id: int) -> None:
        with self.store.write() as session:
            operation = session.get_one(Operation, operation_id)
            app = session.get_one(App, operation.app_id)
            events.append(session, app.id, [events.entry("log", "terraform", "Apply complete!")])
            if self.error is not None:
                self._fail(session, app, operation)
            else:
                self._succeed(session, app, operation)
        self.hub.publish(app.uuid)

    def _fail(self, session, app: App, operation: Operation) -> None:
        if operation.kind == OperationKind.DEPLOY:
            apps.set_state(session, app, AppState.FAILED)
        app.error_message = self.error
        self._end_attempt(session, operation, DeploymentState.FAILED)
        operations.close(operation, OperationState.FAILED, self.error)

    def _succeed(self, session, app: App, operation: Operation) -> None:
        match operation.kind:
            case OperationKind.DEPLOY:
                self._add_replica(session, app, 1)
                self._release(session, app, operation)
                for state in ON_THE_WAY:
                    apps.set_state(session, app, state)
            case OperationKind.REDEPLOY:
                self._release(session, app, operation)
            case OperationKind.ROLLBACK:
                attempt = session.get_one(Deployment, operation.deployment_id)
                app.live_release_id = attempt.release_id
            case OperationKind.SCALE:
                self._scale(session, app, operation.options["replicas"])
            case OperationKind.STOP | OperationKind.SHUTDOWN:
                apps.set_state(session, app, AppState.STOPPED)
            case OperationKind.START | OperationKind.RESUME:
                apps.set_state(session, app, AppState.RUNNING)
            case OperationKind.SUSPEND:
                app.resumes_to = app.state
                apps.set_state(session, app, AppState.SUSPENDED)
            case OperationKind.DESTROY:
                apps.set_state(session, app, AppState.DELETED)
        self._end_attempt(session, operation, DeploymentState.DEPLOYED)
        operations.close(operation, OperationState.SUCCEEDED)

    def _add_replica(self, session, app: App, slot: int) -> None:
        vmid = guests.next_vmid(session, "local")
        place = Place("local", "local", f"127.77.{vmid // 250 % 250}.{vmid % 250 + 1}")
        guest = guests.reserve(session, app, "local", place, vmid, slot)
        guest.state = GuestState.PRESENT

    def _scale(self, session, app: App, replicas: int) -> None:
        standing = {guest.slot: guest for guest in guests.standing(session, app.id)}
        for slot in range(1, replicas + 1):
            if slot not in standing:
                self._add_replica(session, app, slot)
        for slot, guest in standing.items():
            if slot > replicas:
                guests.mark_gone(session, guest.id)
        app.replicas = replicas

    def _release(self, session, app: App, operation: Operation) -> None:
        release = Release(
            app_id=app.id,
            number=apps.next_release_number(session, app.id),
            sha="8f14e45fceea167a5a36dedd4bea2543c1f1c3aa",
            archive="kept",
            plan={},
            environment=b"",
            variables=app.environment,
        )
        session.add(release)
        session.flush()
        app.live_release_id = release.id
        app.deployed_at = utcnow()
        session.get_one(Deployment, operation.deployment_id).release_id = release.id

    def _end_attempt(self, session, operation: Operation, state: DeploymentState) -> None:
        if operation.deployment_id is not None:
            attempt = session.get_one(Deployment, operation.deployment_id)
            attempt.state = state
            attempt.build_started_at = attempt.build_completed_at = utcnow()
            attempt.finished_at = utcnow()


def wrote(number: int) -> RuntimeLine:
    """A line of an app, each half a second later than the one before."""
    at = f"2025-11-25T10:{number // 60:02}:{number % 60:02}.500+00:00"
    return RuntimeLine(at, "stdout", f"line {number}")


@dataclass
class NoGuests:
    """A target that takes everything; what a route asks of a target is answered here.

    ``unlike`` is how every guest differs from its row, ``stands`` who stands there, ``wrote``
    what every app has written, and ``away`` the sentence with which it refuses every question.
    """

    name: str = "local"
    unlike: list[Difference] = field(default_factory=list)
    stands: list[Standing] = field(default_factory=list)
    wrote: list[RuntimeLine] = field(default_factory=lambda: [wrote(n) for n in range(20)])
    away: str = ""

    endpoint = "local"
    url = ""

    def during(self, _stop) -> "NoGuests":
        return self

    def identity(self) -> str:
        return ""

    def _answer(self) -> None:
        if self.away:
            raise Unreachable(self.away)

    def machines(self) -> tuple[Machine, ...]:
        self._answer()
        return (
            Machine(
                "worker-1", "192.168.1.100", cores=4, cores_used=2.5, memory=8192,
                memory_used=4096, guests=12, leads=True,
            ),
        )  # fmt: skip

    def refusals(self, framework: str) -> list[str]:
        return ["PHP is not installed on this machine"] if framework == "php" else []

    def runtime_log(self, _guest, *, limit: int, since: str = "", search: str = ""):
        self._answer()
        found = [one for one in self.wrote if one.at >= since and search in one.text]
        yield from found[-limit:]

    def differences(self, _guest, *_) -> list[Difference]:
        self._answer()
        return self.unlike

    def node_of(self, guest) -> str:
        return str(guest.node)

    def observe(self, _guest) -> Presence:
        self._answer()
        return Presence.OURS

    def standing(self) -> list[Standing]:
        self._answer()
        return self.stands

    def remove(self, guest) -> None:
        self.stands = [one for one in self.stands if one.vmid != guest.vmid]


def forget_counts(redis_url: str) -> None:
    """Forget how often whom has asked."""
    redis = Redis.from_url(redis_url)
    for key in redis.scan_iter("LIMITS*"):
        redis.delete(key)
    redis.close()


@contextmanager
def instant_platform(settings: Settings, hub: Hub) -> Iterator[Platform]:
    """A platform on a prepared instance whose worker (its ``queue``) does everything at once.

    All tests share a Redis, and each has counted no requests yet.
    """
    forget_counts(settings.redis_url)
    store = setup.open_store(settings)
    with store.read() as session:
        installation = guests.installation(session)
    yield Platform(
        settings=settings,
        environment={},
        catalogue=CATALOGUE,
        targets={"local": NoGuests()},  # type: ignore[dict-item]
        store=store,
        hub=hub,
        queue=InstantWorker(store, hub),  # type: ignore[arg-type]
        installation=installation,
        host="test",
        token=TOKEN,
    )
    store.close()
