"""What plans, administrators and pushes mean for apps with real guests."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from paas.domain.errors import Conflict, Invalid
from paas.domain.specs import AppChange, Resources
from paas.domain.states import AppState
from paas.engine import pushes, suspension
from paas.engine.platform import Platform
from paas.services import apps, deployments, plans, releases
from paas.store import guests, operations
from paas.store.commerce import Run
from paas.store.models import App, Guest, Tenant
from paas.store.people import AuditEntry
from tests.engine import live
from tests.engine.test_replicas import deploy, make, pages, run_active, view
from tests.factories import ACTOR, deploy_spec
from tests.mirror import Mirror


def plan_id(platform: Platform, slug: str) -> str:
    return next(p.id for p in plans.active(platform, ACTOR) if p.slug == slug)


def test_another_plan_reaches_the_guest_and_the_bill_with_the_next_deployment(
    platform: Platform, mirror: Mirror
) -> None:
    app = deploy(platform, make(platform, mirror))
    apps.update(platform, ACTOR, app.id, AppChange(plan=plan_id(platform, "standard")))
    assert sizes(platform) == [(2, 4096, 40)]
    assert billed(platform) == [4096]
    deploy(platform, app)
    # A disk never shrinks.
    assert sizes(platform) == [(1, 1024, 40)]
    assert billed(platform) == [4096, 1024]


def sizes(platform: Platform) -> list[tuple[int, int, int]]:
    with platform.store.read() as session:
        return [(g.cores, g.memory, g.disk) for g in session.scalars(select(Guest))]


def billed(platform: Platform) -> list[int]:
    with platform.store.read() as session:
        return list(session.scalars(select(Run.ram_mb).order_by(Run.id)))


def test_a_busy_app_is_suspended_as_soon_as_it_is_free(platform: Platform, mirror: Mirror) -> None:
    app = make(platform, mirror)
    operation = releases.deploy(platform, ACTOR, app.id)
    apps.suspend(platform, ACTOR, app.id)
    suspension.begin_waiting(platform)
    assert view(platform, app).operation == "deploy"
    live.run(platform, operation)
    with pytest.raises(Conflict, match="being suspended"):
        releases.deploy(platform, ACTOR, app.id)
    suspension.begin_waiting(platform)
    run_active(platform, app)
    assert view(platform, app).state is AppState.SUSPENDED


def test_a_lost_replica_keeps_no_app_from_being_suspended(
    platform: Platform, mirror: Mirror
) -> None:
    app = deploy(platform, make(platform, mirror, replicas=2))
    with platform.store.read() as session:
        key = session.scalars(select(App.id).where(App.uuid == app.id)).one()
        lost = session.scalars(select(Guest).where(Guest.app_id == key, Guest.slot == 1)).one()
        spec = guests.spec(session, lost, platform.installation)
    platform.target("local").remove(spec)
    apps.suspend(platform, ACTOR, app.id)
    run_active(platform, app)
    assert view(platform, app).state is AppState.SUSPENDED


def test_a_push_does_not_start_what_was_stopped(platform: Platform, mirror: Mirror) -> None:
    app = deploy(platform, make(platform, mirror))
    apps.update(platform, ACTOR, app.id, AppChange(auto_deploy=True))
    live.run(platform, deployments.stop(platform, ACTOR, app.id))
    with platform.store.write() as session:
        row = session.scalars(select(App).where(App.uuid == app.id)).one()
        assert pushes.deploy_or_wait(session, row, "main", "push by ada") is None
    pushes.begin_waiting(platform)
    assert view(platform, app).operation is None
    live.run(platform, deployments.start(platform, ACTOR, app.id))
    pushes.begin_waiting(platform)
    run_active(platform, app)
    assert view(platform, app).release == 2
    assert len(pages(view(platform, app))) == 1


def test_an_administrators_act_stands_in_the_tenants_own_log(
    platform: Platform, mirror: Mirror
) -> None:
    app = make(platform, mirror)
    with platform.store.write() as session:
        session.add(other := Tenant(slug="other", name="Other"))
        session.flush()
        row = session.scalars(select(App).where(App.uuid == app.id)).one()
        row.tenant_id = other.id
        number = other.id
    apps.suspend(platform, ACTOR, app.id)
    with platform.store.read() as session:
        query = select(AuditEntry.tenant_id).where(AuditEntry.action == "app.suspend")
        assert list(session.scalars(query)) == [number]
        assert operations.active_of(session, 1) is None


def test_with_several_tenants_every_app_has_a_plan_that_allows_it(platform: Platform) -> None:
    with platform.store.write() as session:
        session.add(Tenant(slug="other", name="Other"))
    small = deployments.create(platform, ACTOR, deploy_spec(resources=Resources(1, 900, 15)))
    assert apps.get(platform, ACTOR, small.app_id).plan_name == "Standard"
    with pytest.raises(Invalid, match="No plan allows these resources"):
        deployments.create(platform, ACTOR, deploy_spec(resources=Resources(8, 16384, 100)))


def test_a_guest_keeps_what_its_target_gave_it_beyond_what_was_asked(
    platform: Platform, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that needs more memory than its app asks for is not made smaller by a redeploy."""
    target = platform.target("local")
    monkeypatch.setattr(
        type(target),
        "sizes",
        lambda self, guest, asked: replace(asked, memory=max(asked.memory, 8192)),
    )
    app = deploy(platform, make(platform, mirror))
    with platform.store.write() as session:
        session.scalars(select(Guest)).one().memory = 8192
    deploy(platform, app)
    assert sizes(platform) == [(2, 8192, 40)]
