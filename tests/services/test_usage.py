"""Hours are counted from runs alone: missed ones later, each once, and told per hour and owner."""

import dataclasses
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select, update

from paas.domain.errors import Forbidden, NotFound
from paas.domain.permissions import Role, Standing, granted
from paas.engine.metering import count_hours
from paas.engine.platform import Platform
from paas.engine.sweeper import Sweeper
from paas.services import usage
from paas.store import plans
from paas.store import usage as stored
from paas.store.commerce import CountedHour, Run, UsageHour
from paas.store.models import App, Tenant
from tests.factories import ACTOR, app_row

HOUR = timedelta(hours=1)
USER = dataclasses.replace(ACTOR, permissions=granted(Role.USER, Standing.OWNER), role=Role.USER)


NOW = datetime(2025, 11, 9, 10, 30, tzinfo=UTC)
THIS_HOUR = stored.hour_of(NOW)


@pytest.fixture(autouse=True)
def _database_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database's clock stands still unless a test moves it."""
    monkeypatch.setattr(stored, "database_time", lambda _session: NOW)


def running(
    platform: Platform,
    since: datetime,
    until: datetime | None = None,
    tenant_id: int = 1,
    **more: object,
) -> App:
    with platform.store.write() as session:
        hobby = plans.by_slug(session, "hobby")
        assert hobby is not None
        app = app_row(
            session, tenant_id=tenant_id, plan_id=hobby.id, cpu_limit=0.5, memory=512, **more
        )
        stored.begin(session, app)
        session.execute(
            update(Run).where(Run.app_id == app.id).values(started_at=since, ended_at=until)
        )
        return app


def test_hours_that_were_missed_are_counted_later_and_once(platform: Platform) -> None:
    running(platform, THIS_HOUR - 5 * HOUR)
    assert count_hours(platform) == 5
    assert count_hours(platform) == 0
    counted = usage.usage_per_hour(platform, ACTOR)
    assert [one.hour for one in counted] == [THIS_HOUR - i * HOUR for i in range(1, 6)]
    assert {(one.total_cpu, one.total_ram_mb, one.total_cost) for one in counted} == {
        (0.5, 512, Decimal("0.0069"))
    }


def test_an_hour_is_not_counted_before_it_is_over(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    ten = datetime(2025, 11, 9, 10, tzinfo=UTC)
    running(platform, ten)
    for moment, expected in (
        (ten + HOUR - timedelta(microseconds=1), 0),
        (ten + HOUR, 1),
        (ten + HOUR * 1.5, 0),
        (ten + HOUR * 2, 1),
    ):
        monkeypatch.setattr(stored, "database_time", lambda _session, at=moment: at)
        assert count_hours(platform) == expected


def test_many_who_count_at_once_count_each_hour_once(platform: Platform) -> None:
    for _ in range(3):
        running(platform, THIS_HOUR - 24 * HOUR, replicas=2)
    together, done = threading.Barrier(3), []

    def count() -> None:
        together.wait(10)
        done.append(count_hours(platform))

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    count_hours(platform)
    with platform.store.read() as session:
        assert session.scalar(select(func.count()).select_from(UsageHour)) == 3 * 24
        assert session.scalar(select(func.count()).select_from(CountedHour)) == 24
        assert session.scalar(select(func.sum(UsageHour.cost))) == Decimal("0.9936")
    assert len(done) == 3


def test_hours_in_which_nothing_ran_are_counted_as_nothing(platform: Platform) -> None:
    running(platform, THIS_HOUR - 3 * HOUR, THIS_HOUR - 2.5 * HOUR)
    assert count_hours(platform) == 3
    costs = [one.total_cost for one in usage.usage_per_hour(platform, ACTOR)]
    assert costs == [0, 0, Decimal("0.00345")]


def test_without_runs_there_is_nothing_to_count(platform: Platform) -> None:
    assert count_hours(platform) == 0
    assert usage.usage_per_hour(platform, ACTOR) == []
    assert usage.cost_today(platform, USER) == 0


def test_the_sweeper_counts(platform: Platform) -> None:
    running(platform, THIS_HOUR - HOUR)
    Sweeper(platform).sweep()
    assert len(usage.usage_per_hour(platform, ACTOR)) == 1


def test_reports_keep_tenants_apart(platform: Platform) -> None:
    with platform.store.write() as session:
        session.add(other := Tenant(slug="other", name="Other"))
        session.flush()
    mine = running(platform, THIS_HOUR - 2 * HOUR, replicas=3)
    theirs = running(platform, THIS_HOUR - HOUR, tenant_id=other.id)
    count_hours(platform)
    own = usage.own_by_app(platform, USER)
    assert [(one.id, one.hours, one.replica_hours, one.cpu_hours) for one in own] == [
        (mine.uuid, 2, 6, 3)
    ]
    assert own[0].cost == Decimal("0.0414")
    assert [(one.name, one.cost) for one in usage.by_tenant(platform, ACTOR)] == [
        ("Default", Decimal("0.0414")),
        ("Other", Decimal("0.0069")),
    ]
    assert [one.total_cpu for one in usage.own_per_hour(platform, USER)] == [1.5, 1.5]
    assert [one.total_cpu for one in usage.usage_per_hour(platform, ACTOR)] == [2, 1.5]
    assert len(usage.app_per_hour(platform, USER, mine.uuid)) == 2
    with pytest.raises(NotFound):
        usage.app_per_hour(platform, USER, theirs.uuid)
    with pytest.raises(Forbidden):
        usage.usage_per_hour(platform, USER)
    with pytest.raises(Forbidden):
        usage.by_tenant(platform, USER)


def test_a_span_has_its_first_hour_and_not_its_last(platform: Platform) -> None:
    running(platform, THIS_HOUR - 6 * HOUR)
    count_hours(platform)
    since, until = THIS_HOUR - 4 * HOUR, THIS_HOUR - 2 * HOUR
    hours = usage.usage_per_hour(platform, ACTOR, since, until)
    assert [one.hour for one in hours] == [until - HOUR, since]
    assert len(usage.usage_per_hour(platform, ACTOR, limit=4)) == 4
    assert [one.hours for one in usage.own_by_app(platform, USER, since, until)] == [2]


def test_the_cost_of_today_has_the_hour_that_runs(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    midnight = datetime(2025, 11, 9, tzinfo=UTC)
    running(platform, midnight - 2 * HOUR)
    monkeypatch.setattr(stored, "database_time", lambda _session: midnight + HOUR * 1.5)
    before = usage.cost_today(platform, USER)
    count_hours(platform)
    assert before == usage.cost_today(platform, USER) == Decimal("0.01035")
