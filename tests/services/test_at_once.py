"""Requests and workers at once: nobody deadlocks, nothing is lost; it matters on PostgreSQL."""

import threading
from collections.abc import Callable

from sqlalchemy import update

from paas.domain.states import AppState
from paas.engine.platform import Platform
from paas.services import deployments, stats
from paas.store import apps, events, operations
from paas.store.models import Operation
from tests.factories import ACTOR, app_row, deploy_spec

ROUNDS = 25


def together(*work: Callable[[], None]) -> None:
    """Run all at once; an exception of any is the test's."""
    problems: list[BaseException] = []
    start = threading.Barrier(len(work))

    def run(one: Callable[[], None]) -> None:
        start.wait(30)
        try:
            one()
        except BaseException as problem:  # noqa: BLE001 - The test's own thread looks at it.
            problems.append(problem)

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert problems == []


def test_a_delete_and_a_worker_that_writes_do_not_block_each_other(platform: Platform) -> None:
    for _ in range(ROUNDS):
        created = deployments.create(platform, ACTOR, deploy_spec())
        with platform.store.write() as session:
            operations.take(session, created.id, "host boot 1 1")
            key = session.query(Operation).filter_by(uuid=created.id).one().id
            app_id = session.query(Operation).filter_by(uuid=created.id).one().app_id

        def write(key: int = key, app_id: int = app_id) -> None:
            for _ in range(5):
                with platform.store.write() as session:
                    operations.renew(session, key, 1)
                    events.append(session, app_id, [events.entry("log", "git", "line")])

        together(write, lambda c=created: deployments.delete(platform, ACTOR, c.app_id))
        with platform.store.read() as session:
            assert session.get_one(Operation, key).cancel == "deleted"


def test_two_apps_that_trade_states_do_not_block_each_other(platform: Platform) -> None:
    uuids = []
    with platform.store.write() as session:
        for _ in range(2):
            app = app_row(session)
            for state in (AppState.PROVISIONING, AppState.DEPLOYING, AppState.RUNNING):
                apps.set_state(session, app, state)
            uuids.append(app.uuid)

    def flip(uuid: str) -> None:
        for _ in range(ROUNDS):
            for state in (AppState.DEPLOYING, AppState.RUNNING):
                with platform.store.write() as session:
                    apps.set_state(session, apps.find(session, ACTOR, uuid, lock=True), state)

    together(*(lambda u=uuid: flip(u) for uuid in uuids))
    assert stats.stats(platform, ACTOR).running == 2


def test_deletes_at_once_are_one_destroy(platform: Platform) -> None:
    created = deployments.create(platform, ACTOR, deploy_spec())
    with platform.store.write() as session:
        session.execute(update(Operation).values(state="succeeded"))
    together(*[lambda: deployments.delete(platform, ACTOR, created.app_id)] * 6)
    with platform.store.read() as session:
        kinds = [row.kind for row in session.query(Operation).all()]
    assert kinds.count("destroy") == 1
