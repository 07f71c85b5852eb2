"""One worker's go at an operation: its lease, its log, its children, its fenced writes."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from paas.domain.errors import (
    Cancelled,
    LeaseLost,
    PaasError,
    StepFailed,
    StepInterrupted,
    Stopping,
)
from paas.domain.specs import GuestSpec, ReleaseSpec
from paas.domain.states import GuestState
from paas.engine import edge
from paas.engine.journal import Journal
from paas.engine.lease import Lease
from paas.engine.platform import Platform
from paas.store import guests, locks, operations, releases
from paas.store.models import App, Guest, Operation, Release
from paas.targets.contract import Target
from paas.tools.ansible import Playbook
from paas.tools.process import Bench, Leash

Record = dict[str, Any]
LOCK_SECONDS = 0.5
LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Held:
    """The operation as it was when its lease was taken.

    ``follows`` is whether a worker of another machine held it before.
    """

    id: int
    uuid: str
    epoch: int
    kind: str
    app_id: int
    app_uuid: str
    deployment_id: int | None
    follows: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


def named(name: str, slot: int) -> str:
    """The name of a step for a replica; the first one's is the plain name."""
    return name if slot == 1 else f"{name}@{slot}"


class Attempt:
    """Given to every step. Use as a context: it ends its threads and its children."""

    def __init__(self, platform: Platform, held: Held) -> None:
        self.platform = platform
        self.held = held
        self.follows = held.follows
        # The replica that the running step is for.
        self.slot = 1
        with platform.store.read() as session:
            secrets = platform.store.vault.open_map(self.app(session).environment)
        self.records: dict[str, Record] = {}
        self.leash = Leash()
        self._playbook: Playbook | None = None
        self.lease = Lease(platform.store, held.id, held.epoch, self.leash)
        self.journal = Journal(
            platform.store, platform.hub, held.app_id, held.app_uuid, held.id, held.epoch
        )
        self.journal.hide([*secrets.values(), *platform.settings.secrets()])

    def __enter__(self) -> "Attempt":
        return self

    def __exit__(self, *_: object) -> None:
        if self._playbook is not None:
            self._playbook.discard()
        self.leash.cut()
        self.journal.close()
        self.lease.close()

    def log(self, stream: str, line: str) -> None:
        """Add a line to the operation's log."""
        self.journal.log(stream, line)

    def say(self, line: str) -> None:
        """Add a line of the platform's own to the log."""
        self.journal.log("platform", line)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that counts only while the lease is held; ``LeaseLost`` otherwise.

        It begins with the log lines so far, which therefore stand before what it tells.
        """
        # Taken before the transaction begins: the journal's own may be waiting for this one.
        lines = self.journal.take()
        try:
            with self.platform.store.write() as session:
                self.lease.cancel = operations.renew(session, self.held.id, self.held.epoch)
                self.journal.write(session, lines)
                yield session
        except BaseException:
            self.journal.put_back(lines)
            raise
        self.wake()

    def wake(self) -> None:
        """Tell who watches the app that there is something new."""
        self.platform.hub.publish(self.held.app_uuid)
        self.platform.hub.publish(edge.TOPIC)

    def interruption(self) -> PaasError | None:
        """Why this attempt should end now, if there is a reason."""
        if self.lease.lost:
            return LeaseLost(f"operation {self.held.uuid} was taken over by another worker")
        if self.lease.cancel:
            return Cancelled(f"cancelled: {self.lease.cancel}")
        if self.platform.stopping():
            return Stopping("the platform is being stopped")
        return None

    def check_cancel(self) -> None:
        """Raise ``Cancelled`` when the app is to be deleted; sure within ``write``."""
        if self.lease.cancel:
            raise Cancelled(f"cancelled: {self.lease.cancel}")

    def check(self) -> None:
        """Raise the reason to end, if there is one."""
        reason = self.interruption()
        if reason is not None:
            raise reason

    def bench(self, *, environment: Mapping[str, str] | None = None) -> Bench:
        """Where this attempt's programs run: on its leash, under its mark, into its log."""
        return Bench(
            mark=f"{self.held.uuid}-{self.held.epoch}",
            environment={**self.platform.environment, **(environment or {})},
            log=self.log,
            leash=self.leash,
            deadline=self.platform.settings.step_timeout,
            stop=self.interruption,
            loaded=self.platform.loaded,
        )

    def warm_up(self) -> None:
        """Let Ansible begin, and a guest that stands be reached, while other steps go on."""
        playbook = self.playbook()
        with self.platform.store.read() as session:
            row = self.guest_row(session)
            if row is None or row.state != GuestState.PRESENT:
                return
            guest = guests.spec(session, row, self.platform.installation)
            live = session.get(Release, self.app(session).live_release_id or 0)
            plan = releases.plan_from_json(live.plan) if live else None
        if not guest.runs:
            # It must be started first; who waited for it now would be waited for later.
            return
        target = self.target(guest)
        target.warm_up(guest, plan)
        if guest.host_key:
            playbook.meet(target.connection(guest))

    def playbook(self) -> Playbook:
        """Ansible, which is started now unless it was; this attempt ends it."""
        if self._playbook is None:
            self._playbook = self._start_ansible()
        return self._playbook

    def take_playbook(self) -> Playbook:
        """The same, for a play; the next play has another one."""
        playbook, self._playbook = self.playbook(), None
        return playbook

    def _start_ansible(self) -> Playbook:
        playbook = self._target().playbook
        return Playbook.start_early(self.bench(), self.workdir / "ansible", playbook=playbook)

    def _target(self) -> Target:
        """Where the app's guest lives, or will."""
        with self.platform.store.read() as session:
            app = self.app(session)
            guest = next(iter(guests.standing(session, app.id)), None)
        if guest is not None:
            target = self.platform.target(guest.target, guest.endpoint)
            return target.during(self.interruption)
        return self.platform.target_for(app.guest_type)

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Have a thing to oneself within the block; waits for who has it. "" is nothing."""
        if name:
            self._wait_for(name)
        try:
            yield
        finally:
            if name and not self.lease.lost:
                with self.write() as session:
                    locks.free(session, name, self.held.id, self.held.epoch)

    def _wait_for(self, name: str) -> None:
        end = time.monotonic() + self.platform.settings.step_timeout
        is_told = False
        while not self._take_lock(name):
            if not is_told:
                self.say(f"waits for another deployment that uses {name}")
                is_told = True
            if time.monotonic() > end:
                raise StepInterrupted(f"waited too long for {name}, which another operation uses")
            self.pause(LOCK_SECONDS)

    def _take_lock(self, name: str) -> bool:
        with self.write() as session:
            return locks.take(session, name, self.held.id, self.held.epoch)

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the moment in which there is a reason to end: that is raised."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, LOOK_SECONDS))
        self.check()

    @property
    def workdir(self) -> Path:
        """A folder of this attempt alone; the operation's end removes it."""
        folder = self.platform.folder("work") / f"{self.held.uuid}-{self.held.epoch}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def app(self, session: Session) -> App:
        """The app's row."""
        return session.get_one(App, self.held.app_id)

    def operation(self, session: Session) -> Operation:
        """The operation's row."""
        return session.get_one(Operation, self.held.id)

    def recorded(self, name: str) -> Record:
        """What a step recorded for the replica at work; empty before it is done."""
        return self.records.get(named(name, self.slot), {})

    def guest_row(self, session: Session) -> Guest | None:
        """The row of the replica at work, if it has a guest that may exist."""
        return guests.of_slot(session, self.held.app_id, self.slot)

    def standing_row(self, session: Session) -> Guest:
        """The same; a step that needs one comes after the one that reserves it."""
        row = self.guest_row(session)
        if row is None:
            raise StepFailed("the app has no guest to work on; deploy it again")
        return row

    def guest(self) -> GuestSpec:
        """The guest of the replica at work."""
        with self.platform.store.read() as session:
            row = self.standing_row(session)
            return guests.spec(session, row, self.platform.installation)

    def target(self, guest: GuestSpec) -> Target:
        """Where the guest lives."""
        return self.platform.target(guest.target, guest.endpoint)

    def release(self, release_id: int) -> ReleaseSpec:
        """A release, with its environment opened."""
        with self.platform.store.read() as session:
            row = session.get_one(Release, release_id)
            app = session.get_one(App, row.app_id)
            environment = self.platform.store.vault.open_map(row.environment)
            # What a release knows may come back in its output, its errors and its health.
            self.journal.hide(environment.values())
            return ReleaseSpec(
                uuid=row.uuid,
                number=row.number,
                sha=row.sha,
                archive=str(self.platform.folder("releases") / app.uuid / row.archive),
                plan=releases.plan_from_json(row.plan),
                environment=environment,
            )
