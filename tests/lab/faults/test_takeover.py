"""A worker of another machine died while Proxmox worked for it: who follows looks twice."""

from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from paas.domain.errors import LeaseLost, Stopping
from paas.domain.states import AppState
from paas.domain.views import OperationView
from paas.engine import lease, provision, takeover
from paas.engine.attempt import Attempt
from paas.store import operations
from paas.store.base import clock
from paas.store.models import Operation
from tests.engine import live
from tests.lab.faults.conftest import Open
from tests.lab.faults.world import World

ELSEWHERE = "another-machine boot 1 1"
EXPIRED = operations.LEASE_SECONDS + operations.ELSEWHERE_SECONDS
TASKS = {"lxc": ("create", "lxc"), "vm": ("clone", "qemu/9000/clone")}


class Pauses:
    """In place of the clock: each pause is one call of what a test has put in, in turn."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.during: list[Callable[[Attempt], object]] = []

    def __call__(self, attempt: Attempt, seconds: float) -> None:
        self.seconds.append(seconds)
        if self.during:
            self.during.pop(0)(attempt)
        attempt.check()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    made = Pauses()
    monkeypatch.setattr(Attempt, "pause", lambda attempt, seconds: made(attempt, seconds))
    return made


@pytest.fixture
def world(opening: Open) -> World:
    return opening()


def die(world: World, operation: OperationView, holder: str) -> None:
    """A worker comes as far as Terraform and is not heard of again."""

    def lost(*_: object, **__: object) -> None:
        raise LeaseLost("the machine is off")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provision, "_run_terraform", lost)
        live.run(world.platform, operation)
    with world.platform.store.write() as session:
        values = {"holder": holder, "lease_until": clock() - EXPIRED}
        session.execute(update(Operation).where(Operation.uuid == operation.id).values(values))


def begin_late(world: World, kind: str, operation: OperationView) -> Callable[[Attempt], object]:
    """What the dead worker asked for begins only now, and goes on until it is let go."""

    def begin(_: Attempt) -> None:
        task, path = TASKS[kind]
        guest = world.guest(world.app(operation.app_id))
        target = world.target(kind)
        values = target.values(guest)
        world.pve.faults.task_hang(task)
        given: dict[str, object] = {"pool": values["pool"]}
        if kind == "lxc":
            given |= {"vmid": guest.vmid, "ostemplate": values["template"], "unprivileged": 1}
            given |= {"rootfs": "local-lvm:5", "description": values["description"]}
        else:
            given |= {"newid": guest.vmid, "full": 1, "description": values["description"]}
        target.proxmox.post(f"/nodes/pve1/{path}", **given)
        world.pve.faults.wait_hanging(task)

    return begin


def let_go(world: World, kind: str, operation: OperationView) -> Callable[[Attempt], object]:
    """It ends."""

    def end(_: Attempt) -> None:
        target, guest = world.target(kind), world.guest(world.app(operation.app_id))
        template = guest.frozen["template"]
        number = template if isinstance(template, int) else None
        (task,) = target.proxmox.active_tasks(guest.vmid, template=number)
        world.pve.faults.release()
        target.proxmox.wait_task(task["upid"], 60)

    return end


@pytest.mark.parametrize("kind", ["lxc", "vm"])
def test_a_task_that_begins_between_two_looks_is_waited_for(
    world: World, pauses: Pauses, kind: str
) -> None:
    operation = world.begin(kind)
    die(world, operation, ELSEWHERE)
    pauses.during = [begin_late(world, kind, operation), let_go(world, kind, operation)]
    app = world.go(operation)
    assert app.state is AppState.RUNNING, world.log(app)
    # Nothing; the task; nothing again, twice.
    assert pauses.seconds == [takeover.QUIET_SECONDS] * 3
    assert "another machine's worker has left under way: " in world.log(app)
    assert world.ours() == {world.guest(app).vmid}
    world.check()


def test_a_worker_of_this_machine_is_followed_at_once(world: World, pauses: Pauses) -> None:
    operation = world.begin()
    here = lease.holder(world.platform.host).split(" ")
    for boot in (here[1], "an-earlier-boot"):
        die(world, operation, f"{here[0]} {boot} 999999999 1")
    assert world.go(operation).state is AppState.RUNNING
    assert pauses.seconds == []


def test_where_nothing_was_begun_nothing_is_waited_for(world: World, pauses: Pauses) -> None:
    operation = world.begin()
    with world.platform.store.write() as session:
        operations.take(session, operation.id, ELSEWHERE)
        session.execute(update(Operation).values(lease_until=clock() - EXPIRED))
    assert world.go(operation).state is AppState.RUNNING
    assert pauses.seconds == []


def test_a_wait_that_is_broken_off_is_made_up_for(world: World, pauses: Pauses) -> None:
    operation = world.begin()
    die(world, operation, ELSEWHERE)

    def stop(_: Attempt) -> None:
        raise Stopping("the platform is being stopped")

    pauses.during = [stop]
    world.go(operation)
    assert len(pauses.seconds) == 1
    assert world.go(operation).state is AppState.RUNNING
    assert len(pauses.seconds) == 2


def test_a_delete_in_the_wait_is_obeyed_and_its_destroy_waits_in_its_place(
    world: World, pauses: Pauses
) -> None:
    operation = world.begin()
    die(world, operation, ELSEWHERE)

    def cancel(attempt: Attempt) -> None:
        attempt.lease.cancel = "deleted"

    pauses.during = [cancel]
    app = world.go(operation)
    destroy = world.active(app)
    assert destroy is not None
    assert destroy.kind == "destroy"
    pauses.during = [begin_late(world, "lxc", operation), let_go(world, "lxc", operation)]
    assert world.go(destroy).state is AppState.DELETED
    assert len(pauses.seconds) == 1 + 3
    assert world.ours() == set()
    world.check()


def test_who_has_waited_is_followed_on_its_own_machine_at_once(
    world: World, pauses: Pauses
) -> None:
    operation = world.begin()
    die(world, operation, ELSEWHERE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provision, "_run_terraform", lambda *_, **__: 1 / 0)
        world.go(operation)
    assert len(pauses.seconds) == 1
    with world.platform.store.read() as session:
        assert session.scalars(select(Operation.holder)).one() is None
    assert world.go(operation).state is AppState.RUNNING
    assert len(pauses.seconds) == 1
