"""What nobody holds is taken up; guests are looked after; what is left over goes."""

import shutil
from datetime import timedelta

import pytest
import requests
from redis import Redis
from rq import Queue
from sqlalchemy import select, update

from paas.domain.states import AppState
from paas.engine import lease, reconciler
from paas.engine.platform import Platform
from paas.engine.sweeper import Sweeper
from paas.services import deployments
from paas.store import operations
from paas.store.base import clock, utcnow
from paas.store.models import Event, Operation
from paas.store.queue import QUEUE
from tests.engine import live
from tests.factories import ACTOR, deploy_spec
from tests.mirror import Mirror


def jobs(platform: Platform) -> list[str]:
    return Queue(QUEUE, connection=platform.queue.connection).get_job_ids()


def take(platform: Platform, operation: Operation, holder: str) -> None:
    with platform.store.write() as session:
        operations.take(session, operation.uuid, holder)


def test_an_operation_that_nobody_enqueued_is_taken_up(
    bare: Platform, operation: Operation
) -> None:
    Sweeper(bare).sweep()
    assert jobs(bare) == [f"operation-{operation.id}-1"]


def test_an_operation_is_enqueued_once_however_often_it_is_looked_at(
    bare: Platform, operation: Operation
) -> None:
    sweeper = Sweeper(bare)
    for _ in range(3):
        sweeper.sweep()
    assert jobs(bare) == [f"operation-{operation.id}-1"]


def test_after_a_wipe_of_redis_it_is_enqueued_again(bare: Platform, operation: Operation) -> None:
    sweeper = Sweeper(bare)
    sweeper.sweep()
    Redis.from_url(bare.settings.redis_url).flushall()
    sweeper.sweep()
    assert jobs(bare) == [f"operation-{operation.id}-1"]


def test_a_job_lost_between_queue_and_worker_is_replaced(
    bare: Platform, operation: Operation
) -> None:
    sweeper = Sweeper(bare)
    sweeper.sweep()
    Queue(QUEUE, connection=bare.queue.connection).remove(f"operation-{operation.id}-1")
    for _ in range(2):
        sweeper.sweep()
    assert jobs(bare) == [f"operation-{operation.id}-1"]


def test_what_a_worker_wrote_of_a_job_that_redis_lost_does_not_keep_it_from_being_enqueued(
    bare: Platform, operation: Operation
) -> None:
    sweeper, connection = Sweeper(bare), bare.queue.connection
    sweeper.sweep()
    [job] = Queue(QUEUE, connection=connection).get_jobs()
    connection.flushall()
    with connection.pipeline() as pipeline:
        job.prepare_for_execution("a worker", pipeline)
        pipeline.execute()
    sweeper.sweep()
    assert jobs(bare) == [f"operation-{operation.id}-1"]


def test_a_held_operation_is_left_alone(bare: Platform, operation: Operation) -> None:
    take(bare, operation, lease.holder(bare.host))
    Sweeper(bare).sweep()
    assert jobs(bare) == []


@pytest.mark.parametrize("holder", ["dead", "elsewhere"])
def test_a_dead_holder_of_this_machine_is_followed_at_once_and_no_other(
    bare: Platform, operation: Operation, holder: str
) -> None:
    here = lease.holder(bare.host).split(" ")[0]
    host = here if holder == "dead" else "another-machine"
    take(bare, operation, f"{host} {lease.boot_id()} 999999999 1")
    Sweeper(bare).sweep()
    assert jobs(bare) == ([f"operation-{operation.id}-2"] if holder == "dead" else [])


def test_an_expired_lease_is_taken_up_wherever_its_holder_was(
    bare: Platform, operation: Operation
) -> None:
    take(bare, operation, "another-machine boot 1 1")
    with bare.store.write() as session:
        session.execute(update(Operation).values(lease_until=clock() - 1))
    Sweeper(bare).sweep()
    assert jobs(bare) == [f"operation-{operation.id}-2"]


def test_working_folders_of_ended_operations_are_removed(
    bare: Platform, operation: Operation
) -> None:
    for name in (f"{operation.uuid}-1", "11111111-2222-3333-4444-555555555555-7"):
        (bare.folder("work") / name).mkdir()
    Sweeper(bare).sweep()
    assert [p.name for p in bare.folder("work").iterdir()] == [f"{operation.uuid}-1"]


def test_log_lines_beyond_their_days_are_removed(bare: Platform, operation: Operation) -> None:
    old = utcnow() - timedelta(days=bare.settings.log_days + 1)
    with bare.store.write() as session:
        session.execute(update(Event).values(at=old))
    Sweeper(bare).sweep()
    with bare.store.read() as session:
        assert session.scalars(select(Event)).all() == []


def test_a_guest_that_is_gone_is_reported_and_a_redeploy_makes_a_new_one(
    platform: Platform, mirror: Mirror
) -> None:
    url = mirror.add("site", {"index.html": "<title>here</title>"})
    app = live.deploy(platform, deploy_spec(repository=url))
    live.kill_guests(platform)
    shutil.rmtree(platform.folder("guests") / live.guest_folders(platform)[0])
    reconciler.reconcile(platform)
    lost = deployments.get(platform, ACTOR, app.id)
    assert lost.state is AppState.FAILED
    assert "Redeploy makes a new guest" in (lost.error_message or "")
    live.run(platform, deployments.redeploy(platform, ACTOR, app.id))
    found = deployments.get(platform, ACTOR, app.id)
    assert found.access_url is not None
    assert "here" in requests.get(found.access_url, timeout=10).text


def test_a_guest_that_lost_its_supervisor_is_brought_back(
    platform: Platform, mirror: Mirror
) -> None:
    url = mirror.add("site", {"index.html": "<title>here</title>"})
    app = live.deploy(platform, deploy_spec(repository=url))
    live.kill_guests(platform)
    reconciler.reconcile(platform)
    assert app.access_url is not None
    live.until_answers(app.access_url)
