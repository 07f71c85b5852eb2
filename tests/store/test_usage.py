"""Runs are begun and ended in the transactions that move an app, and hours counted from them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from paas.domain.states import AppState as S
from paas.store import apps, plans, usage
from paas.store.commerce import CountedHour, Run, UsageHour
from paas.store.models import App, Tenant
from paas.store.unit_of_work import Store
from tests.factories import app_row

HOUR = timedelta(hours=1)
TEN = datetime(2025, 11, 9, 10, tzinfo=UTC)


def app_with(session: Session, name: str = "one", *, plan: str | None = "hobby") -> App:
    tenant = session.scalars(select(Tenant)).first()
    assert tenant is not None
    found = plans.by_slug(session, plan) if plan else None
    app = App(
        tenant_id=tenant.id,
        name=name,
        slug=name,
        hostname=name,
        guest_type="lxc",
        framework="flask",
        repository="https://example.com/one.git",
        cores=1,
        memory=512,
        disk=10,
        cpu_limit=0.5,
        port=5000,
        environment=b"",
        state="running",
        plan_id=found.id if found else None,
    )
    session.add(app)
    session.flush()
    return app


def run(session: Session, app: App, since: datetime, until: datetime | None, **more: object) -> Run:
    usage.begin(session, app)
    made = session.scalars(select(Run).where(Run.app_id == app.id, Run.ended_at.is_(None))).one()
    made.started_at, made.ended_at = since, until
    for name, value in more.items():
        setattr(made, name, value)
    session.flush()
    return made


@contextmanager
def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> Iterator[None]:
    """The database's clock, stopped."""
    with monkeypatch.context() as patch:
        patch.setattr(usage, "database_time", lambda _session: moment)
        yield


def test_a_run_has_the_size_and_the_price_of_its_beginning(store: Store) -> None:
    with store.write() as session:
        app = app_with(session)
        usage.begin(session, app)
        found = plans.by_slug(session, "hobby")
        assert found is not None
        found.price_per_hour = Decimal(7)
    with store.read() as session:
        made = session.scalars(select(Run)).one()
    assert (made.replicas, made.cpu, made.ram_mb, made.disk_gb) == (1, 0.5, 512, 10)
    assert made.price_per_hour == Decimal("0.0069")
    assert made.ended_at is None


def test_a_redeploy_does_not_interrupt_and_scaling_begins_a_new_run(store: Store) -> None:
    with store.write() as session:
        app = app_with(session, plan=None)
        usage.begin(session, app)
        usage.begin(session, app)
        app.replicas = 3
        usage.resize(session, app)
        usage.end(session, app)
        usage.end(session, app)
        app.replicas = 2
        usage.resize(session, app)  # It does not serve.
    with store.read() as session:
        first, second = session.scalars(select(Run).order_by(Run.id)).all()
    assert (first.replicas, second.replicas) == (1, 3)
    assert first.ended_at == second.started_at
    assert second.ended_at is not None
    assert second.ended_at >= second.started_at
    assert second.price_per_hour == 0


def test_a_clock_that_was_set_back_puts_no_run_where_nobody_counts_any_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.write() as session:
        session.add(CountedHour(hour=TEN))
        app = app_with(session)
        with at(monkeypatch, TEN - HOUR):
            usage.begin(session, app)
            usage.end(session, app)
    with store.read() as session:
        made = session.scalars(select(Run)).one()
    assert made.started_at == made.ended_at == TEN + HOUR


def test_an_hour_is_the_mean_over_its_seconds(store: Store) -> None:
    with store.write() as session:
        scaled, gone, edge, later = (app_with(session, n) for n in ("a", "b", "c", "d"))
        # Scaled from 1 to 3 a quarter past; deleted at half past; the edges belong to no one twice.
        run(session, scaled, TEN - HOUR, TEN + HOUR / 4)
        run(session, scaled, TEN + HOUR / 4, None, replicas=3)
        run(session, gone, TEN, TEN + HOUR / 2)
        run(session, edge, TEN - HOUR, TEN)
        run(session, later, TEN + HOUR, None)
        assert usage.count(session, TEN)
    with store.read() as session:
        rows = {row.app_id: row for row in session.scalars(select(UsageHour))}
    assert set(rows) == {scaled.id, gone.id}
    one, other = rows[scaled.id], rows[gone.id]
    assert (one.seconds, one.replicas, one.cpu, one.ram_mb) == (3600, 2.5, 1.25, 1280)
    assert one.cost == Decimal("0.01725")
    assert (other.seconds, other.replicas, other.disk_gb) == (1800, 0.5, 5)
    assert other.cost == Decimal("0.00345")


def test_an_hour_is_counted_once_however_often_it_is_asked_for(store: Store) -> None:
    with store.write() as session:
        run(session, app_with(session), TEN, None)
    together, done = threading.Barrier(4), []

    def count() -> None:
        together.wait(10)
        for _ in range(3):
            with store.write() as session:
                done.append(usage.count(session, TEN))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == [False] * 11 + [True]
    with store.read() as session:
        assert session.scalars(select(UsageHour)).one().cost == Decimal("0.0069")


def test_a_count_that_is_rolled_back_leaves_the_hour_to_the_next(store: Store) -> None:
    with store.write() as session:
        run(session, app_with(session), TEN, None)
    with pytest.raises(ZeroDivisionError), store.write() as session:
        assert usage.count(session, TEN) / 0
    with store.write() as session:
        assert usage.first_uncounted(session) == TEN
        assert usage.count(session, TEN)
        assert usage.first_uncounted(session) == TEN + HOUR


def test_an_hour_settles_only_when_no_run_is_being_moved(store: Store) -> None:
    with store.write() as session:
        app = app_with(session)
    if store.engine.dialect.name == "postgresql":  # SQLite has one writer at a time.
        with store.write() as session, store.write() as other:
            usage.begin(session, session.get_one(App, app.id))
            assert usage.settled_until(other) is None
    with store.write() as session:
        assert usage.settled_until(session) is not None


def test_a_run_that_waits_for_the_count_begins_after_what_is_settled(store: Store) -> None:
    with store.write() as session:
        app = app_with(session)
    settled, begun = threading.Event(), threading.Event()

    def begin() -> None:
        settled.wait(10)
        with store.write() as session:
            usage.begin(session, session.get_one(App, app.id))
        begun.set()

    thread = threading.Thread(target=begin)
    thread.start()
    with store.write() as session:
        until = usage.settled_until(session)
        settled.set()
        # The other one cannot pass: it gets its moment when this transaction is over.
        assert not begun.wait(0.5)
    thread.join(30)
    assert until is not None
    with store.read() as session:
        assert session.scalars(select(Run.started_at)).one() >= until


def test_plans_come_once_and_stay_removed(store: Store) -> None:
    with store.write() as session:
        assert [p.slug for p in plans.listed(session, active_only=True)] == [
            "hobby",
            "standard",
            "pro",
        ]
        for plan in plans.listed(session, active_only=False):
            session.delete(plan)
    with store.write() as session:
        plans.seed(session)
        assert plans.listed(session, active_only=False) == []


def test_a_fraction_of_a_core_is_a_limit_on_whole_ones(store: Store) -> None:
    with store.read() as session:
        hobby, standard, _ = plans.listed(session, active_only=True)
    small, whole = plans.resources_of(hobby), plans.resources_of(standard)
    assert (small.cores, small.memory, small.disk, small.cpu_limit) == (1, 512, 10, 0.5)
    assert (whole.cores, whole.cpu_limit) == (1, None)


@pytest.mark.parametrize("last", [S.STOPPED, S.FAILED, S.SUSPENDED, S.DELETED])
def test_an_app_counts_from_running_until_it_serves_no_more(store: Store, last: S) -> None:
    with store.write() as session:
        app = app_row(session)
        for state in (S.PROVISIONING, S.DEPLOYING):
            apps.set_state(session, app, state)
        assert session.scalars(select(Run)).all() == []
        apps.set_state(session, app, S.RUNNING)
        # A newer release comes beside the one that serves.
        apps.set_state(session, app, S.DEPLOYING)
        apps.set_state(session, app, S.RUNNING)
        assert session.scalars(select(Run.ended_at)).all() == [None]
        apps.set_state(session, app, last)
    with store.read() as session:
        assert session.scalars(select(Run)).one().ended_at is not None
