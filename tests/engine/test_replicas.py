"""Apps with several guests: deployed, scaled, rolled back, suspended; all of it real."""

import pytest
import requests
from sqlalchemy import select

from paas.domain.errors import Conflict, Invalid
from paas.domain.specs import AppChange, AppSpec
from paas.domain.states import AppState, OperationKind, OperationState
from paas.domain.views import AppView, OperationView
from paas.engine.platform import Platform
from paas.services import apps, deployments, plans, releases, variables
from paas.store import operations
from paas.store.commerce import Run
from paas.store.models import App
from tests.engine import live
from tests.engine.test_every_step import fail, killed, patched, run_in_child, run_with, twice
from tests.factories import ACTOR
from tests.mirror import Mirror

PAGE = {"index.html": "<title>one</title>"}
NEXT = {"index.html": "<title>two</title>"}


def make(platform: Platform, mirror: Mirror, replicas: int = 1) -> AppView:
    """An app of a plan that allows many replicas, not deployed yet."""
    plan = next(p for p in plans.active(platform, ACTOR) if p.slug == "pro")
    spec = AppSpec("My App", "my-app", mirror.add("site", PAGE), buildpack="static", plan=plan.id)
    app = apps.create(platform, ACTOR, spec)
    assert apps.scale(platform, ACTOR, app.id, replicas) is None
    return app


def deploy(platform: Platform, app: AppView) -> AppView:
    operation = live.run(platform, releases.deploy(platform, ACTOR, app.id))
    assert operation.state == OperationState.SUCCEEDED, operation.error
    return view(platform, app)


def scale(platform: Platform, app: AppView, replicas: int) -> OperationView:
    operation = apps.scale(platform, ACTOR, app.id, replicas)
    assert operation is not None
    return operation


def view(platform: Platform, app: AppView) -> AppView:
    return apps.get(platform, ACTOR, app.id)


def pages(app: AppView) -> list[str]:
    """What each replica serves."""
    found = []
    for guest in app.guests:
        answer = requests.get(f"http://{guest.address}:{app.port}", timeout=10)
        assert answer.status_code == 200
        found.append(answer.text)
    return found


def slots(app: AppView) -> list[int]:
    return [guest.slot for guest in app.guests]


def test_a_new_app_is_inactive_and_has_no_guest(platform: Platform, mirror: Mirror) -> None:
    app = make(platform, mirror)
    assert (app.state, app.guests, app.plan_name) == (AppState.INACTIVE, (), "Pro")
    assert (app.slug, app.subdomain.startswith("my-app-")) == ("my-app", True)


def test_each_replica_is_a_guest_that_serves(platform: Platform, mirror: Mirror) -> None:
    app = deploy(platform, make(platform, mirror, replicas=2))
    assert (app.state, slots(app)) == (AppState.RUNNING, [1, 2])
    assert len({guest.address for guest in app.guests}) == 2
    assert pages(app) == [PAGE["index.html"]] * 2
    mirror.add("site", NEXT)
    assert pages(deploy(platform, app)) == [NEXT["index.html"]] * 2


def test_scaling_up_and_down(platform: Platform, mirror: Mirror) -> None:
    app = deploy(platform, make(platform, mirror))
    live.run(platform, scale(platform, app, 3))
    grown = view(platform, app)
    assert (grown.replicas, slots(grown), pages(grown)) == (3, [1, 2, 3], [PAGE["index.html"]] * 3)
    live.run(platform, scale(platform, app, 1))
    shrunk = view(platform, app)
    assert (shrunk.replicas, slots(shrunk), shrunk.state) == (1, [1], AppState.RUNNING)
    assert len(live.guest_folders(platform)) == 1
    with platform.store.read() as session:
        runs = session.scalars(select(Run).order_by(Run.id)).all()
    assert [run.replicas for run in runs] == [1, 3, 1]
    assert [run.ended_at for run in runs] == [runs[1].started_at, runs[2].started_at, None]


def test_a_plan_bounds_the_replicas(platform: Platform, mirror: Mirror) -> None:
    app = make(platform, mirror)
    with pytest.raises(Invalid, match="at most 10"):
        apps.scale(platform, ACTOR, app.id, 11)
    hobby = next(p for p in plans.active(platform, ACTOR) if p.slug == "hobby")
    apps.scale(platform, ACTOR, app.id, 2)
    with pytest.raises(Invalid, match="at most 1"):
        apps.update(platform, ACTOR, app.id, AppChange(plan=hobby.id))


@pytest.mark.parametrize("name", ["resize", "reserve", "provision", "configure", "switch"])
def test_scaling_that_fails_leaves_what_served(
    platform: Platform, mirror: Mirror, name: str
) -> None:
    app = deploy(platform, make(platform, mirror))
    operation = scale(platform, app, 2)
    run_with(platform, patched(OperationKind.SCALE, name, fail), operation)
    after = view(platform, app)
    assert (after.state, after.replicas, slots(after)) == (AppState.RUNNING, 1, [1])
    assert (after.error_message, pages(after)) == ("injected", [PAGE["index.html"]])
    assert len(live.guest_folders(platform)) == 1


@pytest.mark.parametrize(
    ("name", "to"),
    [
        *((name, 2) for name in ("resize", "reserve", "provision", "configure", "shrink")),
        ("resize", 1),
        ("shrink", 1),
    ],
)
def test_scaling_whose_worker_is_killed_ends_as_asked(
    platform: Platform, mirror: Mirror, name: str, to: int
) -> None:
    app = deploy(platform, make(platform, mirror, replicas=3 - to))
    operation = scale(platform, app, to)
    run_in_child(platform, patched(OperationKind.SCALE, name, killed), operation)
    ended = live.run_due(platform, operation)
    assert ended.state == OperationState.SUCCEEDED
    after = view(platform, app)
    assert (after.replicas, slots(after)) == (to, list(range(1, to + 1)))
    assert pages(after) == [PAGE["index.html"]] * to
    assert len(live.guest_folders(platform)) == to


def test_a_rollback_restores_code_configuration_and_environment(
    platform: Platform, mirror: Mirror
) -> None:
    app = make(platform, mirror)
    variables.set_variables(platform, ACTOR, app.id, {"COLOUR": "red"})
    deploy(platform, app)
    variables.set_variables(platform, ACTOR, app.id, {"COLOUR": "blue", "MORE": "1"})
    apps.update(platform, ACTOR, app.id, AppChange(auto_deploy=True))
    mirror.add("site", NEXT)
    assert deploy(platform, app).release == 2
    live.run(platform, releases.rollback(platform, ACTOR, app.id, 1))
    after = view(platform, app)
    assert (after.release, after.auto_deploy, pages(after)) == (1, False, [PAGE["index.html"]])
    assert [v.key for v in variables.variables(platform, ACTOR, app.id)] == ["COLOUR"]
    with platform.store.read() as session:
        row = session.query(App).filter_by(uuid=app.id).one()
        assert platform.store.vault.open_map(row.environment) == {"COLOUR": "red"}
    newest = releases.attempts(platform, ACTOR, app.id).attempts[0]
    assert (newest.version, newest.state) == (1, "deployed")


def test_a_rollback_that_serves_something_else_is_undone(
    platform: Platform, mirror: Mirror
) -> None:
    app = deploy(platform, make(platform, mirror))
    mirror.add("site", NEXT)
    deploy(platform, app)
    operation = releases.rollback(platform, ACTOR, app.id, 1)
    run_with(platform, patched(OperationKind.ROLLBACK, "verify", fail), operation)
    after = view(platform, app)
    assert (after.state, after.release, pages(after)) == (
        AppState.RUNNING,
        2,
        [NEXT["index.html"]],
    )


@pytest.mark.parametrize("name", ["restore", "configure", "switch", "verify", "finish"])
@pytest.mark.parametrize("how", ["twice", "killed"])
def test_a_rollback_survives_at_every_step(
    platform: Platform, mirror: Mirror, name: str, how: str
) -> None:
    app = deploy(platform, make(platform, mirror))
    mirror.add("site", NEXT)
    deploy(platform, app)
    operation = releases.rollback(platform, ACTOR, app.id, 1)
    if how == "twice":
        run_with(platform, patched(OperationKind.ROLLBACK, name, twice), operation)
    else:
        run_in_child(platform, patched(OperationKind.ROLLBACK, name, killed), operation)
        live.run_due(platform, operation)
    after = view(platform, app)
    assert (after.release, pages(after)) == (1, [PAGE["index.html"]])


def test_only_a_version_that_served_can_come_back(platform: Platform, mirror: Mirror) -> None:
    app = deploy(platform, make(platform, mirror))
    with pytest.raises(Invalid, match="no version 7"):
        releases.rollback(platform, ACTOR, app.id, 7)
    with pytest.raises(Conflict, match="is the one that serves"):
        releases.rollback(platform, ACTOR, app.id, 1)


def test_a_suspended_app_serves_nothing_and_can_not_be_deployed(
    platform: Platform, mirror: Mirror
) -> None:
    app = deploy(platform, make(platform, mirror, replicas=2))
    apps.suspend(platform, ACTOR, app.id)
    run_active(platform, app)
    after = view(platform, app)
    assert (after.state, len(after.guests)) == (AppState.SUSPENDED, 2)
    for guest in after.guests:
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://{guest.address}:{after.port}", timeout=5)
    for work in (releases.deploy, deployments.start, deployments.redeploy):
        with pytest.raises(Conflict):
            work(platform, ACTOR, app.id)
    apps.resume(platform, ACTOR, app.id)
    run_active(platform, app)
    again = view(platform, app)
    assert (again.state, pages(again)) == (AppState.RUNNING, [PAGE["index.html"]] * 2)


def test_what_does_not_serve_is_suspended_at_once(platform: Platform, mirror: Mirror) -> None:
    app = make(platform, mirror)
    assert apps.suspend(platform, ACTOR, app.id).state is AppState.SUSPENDED
    assert apps.suspend(platform, ACTOR, app.id).state is AppState.SUSPENDED
    assert apps.resume(platform, ACTOR, app.id).state is AppState.INACTIVE


def run_active(platform: Platform, app: AppView) -> None:
    """Run whatever is under way on the app."""
    with platform.store.read() as session:
        key = session.scalars(select(App.id).where(App.uuid == app.id)).one()
        row = operations.active_of(session, key)
    assert row is not None
    live.run(platform, deployments.operation(platform, ACTOR, row.uuid))


def test_a_lost_replica_is_made_anew_by_the_next_deployment(
    platform: Platform, mirror: Mirror
) -> None:
    app = deploy(platform, make(platform, mirror, replicas=2))
    live.kill_guests(platform)
    assert pages(deploy(platform, app)) == [PAGE["index.html"]] * 2
