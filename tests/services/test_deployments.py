"""What is accepted is recorded whole; what is refused leaves nothing behind."""

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from redis import Redis
from rq import Queue
from sqlalchemy import func, select

from paas.domain.errors import Conflict, Invalid, KeyReused, NotFound
from paas.domain.states import AppState
from paas.engine.platform import Platform
from paas.services import deployments, stats
from paas.store import apps, operations
from paas.store.models import App, Operation, Tenant
from paas.store.queue import QUEUE, WorkQueue
from tests.factories import ACTOR, deploy_spec


def rows(platform: Platform, model: type) -> int:
    with platform.store.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def jobs(platform: Platform) -> list[str]:
    return Queue(QUEUE, connection=platform.queue.connection).get_job_ids()


def put(platform: Platform, app_id: str, *states: AppState) -> None:
    """Bring an app into a state as the engine would, and end its operation."""
    with platform.store.write() as session:
        app = apps.find(session, ACTOR, app_id)
        for state in states:
            apps.set_state(session, app, state)
        active = operations.active_of(session, app.id)
        if active is not None:
            operations.close(active, "succeeded")


RUNNING = (AppState.PROVISIONING, AppState.DEPLOYING, AppState.RUNNING)


def test_an_accepted_app_is_pending_and_its_operation_enqueued_by_id(platform: Platform) -> None:
    operation = deployments.create(platform, ACTOR, deploy_spec(name="Shop"))
    view = deployments.get(platform, ACTOR, operation.app_id)
    assert (view.name, view.state, view.operation) == ("Shop", AppState.PENDING, "deploy")
    assert (view.address, view.vmid, view.access_url) == (None, None, None)
    assert jobs(platform) == ["operation-1-1"]


def test_an_accepted_app_is_told_as_it_is_stored(platform: Platform) -> None:
    spec = deploy_spec(branch="main", port=9000, resources=None)
    accepted = deployments.create(platform, ACTOR, spec)
    assert accepted.app == deployments.get(platform, ACTOR, accepted.app_id)
    stored = deployments.operation(platform, ACTOR, accepted.id)
    assert dataclasses.replace(accepted, app=None) == stored


def test_without_resources_the_catalogue_decides(platform: Platform) -> None:
    operation = deployments.create(platform, ACTOR, deploy_spec(resources=None))
    view = deployments.get(platform, ACTOR, operation.app_id)
    assert view.resources == platform.catalogue["static"].resources


def test_every_broken_rule_is_told_at_once_and_nothing_is_stored(platform: Platform) -> None:
    deployments.create(platform, ACTOR, deploy_spec(name="shop"))
    with pytest.raises(Invalid) as refused:
        deployments.create(platform, ACTOR, deploy_spec(name="SHOP", framework="laravel"))
    assert len(refused.value.errors) == 2
    assert rows(platform, App) == 1


def test_an_unknown_framework_is_refused_with_those_there_are(platform: Platform) -> None:
    with pytest.raises(Invalid, match="flask"):
        deployments.create(platform, ACTOR, deploy_spec(framework="cobol"))


def test_a_taken_name_names_its_holder(platform: Platform) -> None:
    holder = deployments.create(platform, ACTOR, deploy_spec(name="shop"))
    with pytest.raises(Invalid, match=f"{holder.app_id}, which is pending"):
        deployments.create(platform, ACTOR, deploy_spec(name="Shop"))


def test_of_many_requests_for_a_name_one_gets_it(platform: Platform) -> None:
    def ask(_: int) -> bool:
        try:
            deployments.create(platform, ACTOR, deploy_spec(name="shop"))
        except Invalid:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(8))) == 1


def test_the_same_key_and_body_is_the_same_deployment(platform: Platform) -> None:
    spec = deploy_spec()
    first = deployments.create(platform, ACTOR, spec, idempotency_key="k")
    again = deployments.create(platform, ACTOR, spec, idempotency_key="k")
    assert first.id == again.id
    assert rows(platform, App) == 1


def test_the_same_key_with_another_body_is_refused(platform: Platform) -> None:
    deployments.create(platform, ACTOR, deploy_spec(), idempotency_key="k")
    with pytest.raises(KeyReused):
        deployments.create(platform, ACTOR, deploy_spec(), idempotency_key="k")


def test_a_key_belongs_to_its_tenant(platform: Platform) -> None:
    spec = deploy_spec()
    deployments.create(platform, ACTOR, spec, idempotency_key="k")
    with platform.store.write() as session:
        other = Tenant(slug="other", name="Other")
        session.add(other)
        session.flush()
        tenant = other.id
    view = deployments.create(platform, replace(ACTOR, tenant_id=tenant), spec, idempotency_key="k")
    with pytest.raises(NotFound):
        deployments.get(platform, ACTOR, view.app_id)


def test_what_cannot_be_an_id_is_not_found(platform: Platform) -> None:
    for app_id in ("1", "../etc", "x" * 4000, ""):
        with pytest.raises(NotFound):
            deployments.get(platform, ACTOR, app_id)


def test_deleting_what_nobody_has_begun_closes_it_and_destroys(platform: Platform) -> None:
    created = deployments.create(platform, ACTOR, deploy_spec())
    destroy = deployments.delete(platform, ACTOR, created.app_id)
    assert destroy is not None
    assert destroy.kind == "destroy"
    assert deployments.operation(platform, ACTOR, created.id).error == "cancelled: deleted"


def test_deleting_what_a_worker_holds_asks_it_to_end(platform: Platform) -> None:
    created = deployments.create(platform, ACTOR, deploy_spec())
    with platform.store.write() as session:
        operations.take(session, created.id, "host boot 1 1")
    deployments.delete(platform, ACTOR, created.app_id)
    with platform.store.read() as session:
        row = session.scalars(select(Operation)).one()
    assert (row.kind, row.cancel) == ("deploy", "deleted")


def test_deleting_again_while_it_goes_on_is_the_same_destroy(platform: Platform) -> None:
    created = deployments.create(platform, ACTOR, deploy_spec())
    first = deployments.delete(platform, ACTOR, created.app_id)
    again = deployments.delete(platform, ACTOR, created.app_id)
    assert first is not None
    assert again is not None
    assert first.id == again.id


def test_a_deleted_app_is_still_shown_and_counts_nowhere(platform: Platform) -> None:
    created = deployments.create(platform, ACTOR, deploy_spec())
    put(platform, created.app_id, AppState.DELETED)
    assert deployments.get(platform, ACTOR, created.app_id).state is AppState.DELETED
    assert deployments.delete(platform, ACTOR, created.app_id) is None
    assert deployments.page(platform, ACTOR).apps == ()
    assert stats.stats(platform, ACTOR).total == 0


def test_only_a_running_app_stops_and_only_a_stopped_one_starts(platform: Platform) -> None:
    created = deployments.create(platform, ACTOR, deploy_spec())
    with pytest.raises(Conflict, match="busy"):
        deployments.stop(platform, ACTOR, created.app_id)
    put(platform, created.app_id, *RUNNING)
    with pytest.raises(Conflict, match="running"):
        deployments.start(platform, ACTOR, created.app_id)
    assert deployments.stop(platform, ACTOR, created.app_id).kind == "stop"


def test_a_failed_app_can_be_deployed_again(platform: Platform) -> None:
    created = deployments.create(platform, ACTOR, deploy_spec())
    put(platform, created.app_id, AppState.FAILED)
    assert deployments.redeploy(platform, ACTOR, created.app_id, "v2").kind == "redeploy"
    assert deployments.get(platform, ACTOR, created.app_id).state is AppState.PENDING


def test_success_rate_is_running_of_total_with_one_decimal(platform: Platform) -> None:
    assert stats.stats(platform, ACTOR).success_rate == 0.0
    made = [deployments.create(platform, ACTOR, deploy_spec()).app_id for _ in range(3)]
    put(platform, made[0], *RUNNING)
    put(platform, made[1], AppState.FAILED)
    assert stats.stats(platform, ACTOR) == stats.StatsView(3, 1, 1, 33.3)


def test_pages_follow_each_other(platform: Platform) -> None:
    names = [deployments.create(platform, ACTOR, deploy_spec()) for _ in range(5)]
    first = deployments.page(platform, ACTOR, limit=3)
    rest = deployments.page(platform, ACTOR, limit=3, cursor=first.next_cursor)
    assert [a.id for a in (*first.apps, *rest.apps)] == [n.app_id for n in reversed(names)]
    assert rest.next_cursor is None


def test_a_cursor_that_is_none_is_refused(platform: Platform) -> None:
    for cursor in ("x", "-1", "9" * 40, "\u0661"):
        with pytest.raises(Invalid):
            deployments.page(platform, ACTOR, cursor=cursor)


def test_who_waits_is_woken_when_the_operation_ends(platform: Platform) -> None:
    created = deployments.create(platform, ACTOR, deploy_spec())
    done = threading.Event()

    def wait() -> None:
        view = deployments.wait(platform, ACTOR, created.id, 60)
        assert view.finished_at is not None
        done.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    put(platform, created.app_id, *RUNNING)
    platform.hub.publish(created.app_id)
    waiting.join(60)
    assert done.is_set()


def test_a_wait_that_is_over_shows_how_far_it_is(platform: Platform) -> None:
    created = deployments.create(platform, ACTOR, deploy_spec())
    assert deployments.wait(platform, ACTOR, created.id, 0).state == "queued"


def test_without_redis_the_deployment_is_accepted_all_the_same(platform: Platform) -> None:
    dead = Redis(unix_socket_path="/nonexistent/redis.sock")
    alone = dataclasses.replace(platform, queue=WorkQueue(dead))
    view = deployments.create(alone, ACTOR, deploy_spec())
    assert deployments.get(alone, ACTOR, view.app_id).state is AppState.PENDING
