"""Every step, three ways: it fails and all is unwound, it runs twice, its process is killed."""

import dataclasses
import os
import signal
from collections.abc import Callable
from dataclasses import replace

import pytest
import requests
from sqlalchemy import select

from paas.domain.errors import StepFailed
from paas.domain.states import AppState, GuestState, OperationKind
from paas.domain.views import AppView, OperationView
from paas.engine import operation as engine
from paas.engine.attempt import Attempt, Record
from paas.engine.plans import PLANS
from paas.engine.platform import Platform
from paas.engine.steps import Plan, Step
from paas.services import deployments
from paas.store.models import Guest
from tests.engine import live
from tests.factories import ACTOR, deploy_spec
from tests.mirror import Mirror

Wrap = Callable[[Attempt, Step], Record]
DEPLOY = [step.name for step in PLANS[OperationKind.DEPLOY].steps]
DESTROY = [step.name for step in PLANS[OperationKind.DESTROY].steps]
PAGE = {"index.html": "<title>here</title>"}


def patched(kind: OperationKind, name: str, wrap: Wrap) -> dict[OperationKind, Plan]:
    """The plans, with one step done by ``wrap``."""

    def wrapped(step: Step) -> Step:
        if step.name != name:
            return step
        return dataclasses.replace(step, do=lambda attempt: wrap(attempt, step))

    plan = PLANS[kind]
    return {**PLANS, kind: replace(plan, steps=tuple(wrapped(step) for step in plan.steps))}


def fail(attempt: Attempt, step: Step) -> Record:
    step.do(attempt)
    raise StepFailed("injected")


def twice(attempt: Attempt, step: Step) -> Record:
    step.do(attempt)
    return step.do(attempt)


def killed(attempt: Attempt, step: Step) -> Record:
    step.do(attempt)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it should be dead")


def run_with(
    platform: Platform, plans: dict[OperationKind, Plan], operation: OperationView
) -> None:
    engine.run(platform, plans, operation.id)


def run_in_child(
    platform: Platform, plans: dict[OperationKind, Plan], operation: OperationView
) -> None:
    """Run where it may be killed; returns when it was."""
    pid = os.fork()
    if pid == 0:
        try:
            engine.run(platform, plans, operation.id)
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status)


def accept(platform: Platform, mirror: Mirror) -> OperationView:
    spec = deploy_spec(repository=mirror.add("site", PAGE))
    return deployments.create(platform, ACTOR, spec)


def view(platform: Platform, operation: OperationView) -> AppView:
    return deployments.get(platform, ACTOR, operation.app_id)


def assert_clean(platform: Platform) -> None:
    """Nothing is left of any guest: no row that may exist, no folder, no process."""
    with platform.store.read() as session:
        standing = session.scalars(select(Guest).where(Guest.state != GuestState.GONE)).all()
    assert list(standing) == []
    assert live.guest_folders(platform) == []
    assert live.guest_processes(platform) == []
    assert list(platform.folder("work").iterdir()) == []


def assert_serves(app: AppView) -> None:
    assert app.state is AppState.RUNNING, app.error_message
    assert app.access_url is not None
    assert "here" in requests.get(app.access_url, timeout=10).text


@pytest.mark.parametrize("name", DEPLOY)
def test_a_deploy_whose_step_fails_is_unwound_to_a_clean_slate(
    platform: Platform, mirror: Mirror, name: str
) -> None:
    operation = accept(platform, mirror)
    run_with(platform, patched(OperationKind.DEPLOY, name, fail), operation)
    app = view(platform, operation)
    assert (app.state, app.error_message) == (AppState.FAILED, "injected")
    assert_clean(platform)


@pytest.mark.parametrize("name", DEPLOY)
def test_a_deploy_whose_step_runs_twice_ends_well(
    platform: Platform, mirror: Mirror, name: str
) -> None:
    operation = accept(platform, mirror)
    run_with(platform, patched(OperationKind.DEPLOY, name, twice), operation)
    assert_serves(view(platform, operation))


@pytest.mark.parametrize("name", DEPLOY)
def test_a_deploy_killed_at_a_step_is_resumed(
    platform: Platform, mirror: Mirror, name: str
) -> None:
    operation = accept(platform, mirror)
    run_in_child(platform, patched(OperationKind.DEPLOY, name, killed), operation)
    live.run(platform, operation)
    assert_serves(view(platform, operation))


@pytest.mark.parametrize("name", DEPLOY)
def test_a_redeploy_whose_step_fails_leaves_what_served(
    platform: Platform, mirror: Mirror, name: str
) -> None:
    first = accept(platform, mirror)
    live.run(platform, first)
    mirror.add("site", {"index.html": "<title>broken</title>"})
    again = deployments.redeploy(platform, ACTOR, first.app_id)
    run_with(platform, patched(OperationKind.REDEPLOY, name, fail), again)
    app = view(platform, first)
    assert (app.release, app.error_message) == (1, "injected")
    assert_serves(app)


@pytest.mark.parametrize("name", DESTROY)
def test_a_destroy_whose_step_fails_is_never_given_up(
    platform: Platform, mirror: Mirror, name: str
) -> None:
    first = accept(platform, mirror)
    live.run(platform, first)
    destroy = deployments.delete(platform, ACTOR, first.app_id)
    assert destroy is not None
    for _ in range(4):
        run_with(platform, patched(OperationKind.DESTROY, name, fail), destroy)
        live.forget_pauses(platform)
    waiting = view(platform, first)
    assert (waiting.operation, waiting.error_message) == ("destroy", "injected")
    live.run(platform, destroy)
    assert view(platform, first).state is AppState.DELETED
    assert_clean(platform)


@pytest.mark.parametrize("name", DESTROY)
def test_a_destroy_killed_at_a_step_is_resumed(
    platform: Platform, mirror: Mirror, name: str
) -> None:
    first = accept(platform, mirror)
    live.run(platform, first)
    destroy = deployments.delete(platform, ACTOR, first.app_id)
    assert destroy is not None
    run_in_child(platform, patched(OperationKind.DESTROY, name, killed), destroy)
    live.run(platform, destroy)
    assert view(platform, first).state is AppState.DELETED
    assert_clean(platform)


@pytest.mark.parametrize("kind", [OperationKind.STOP, OperationKind.START])
def test_stop_and_start_killed_in_the_middle_are_resumed(
    platform: Platform, mirror: Mirror, kind: OperationKind
) -> None:
    first = accept(platform, mirror)
    live.run(platform, first)
    change = deployments.stop(platform, ACTOR, first.app_id)
    if kind is OperationKind.START:
        live.run(platform, change)
        change = deployments.start(platform, ACTOR, first.app_id)
    (step,) = PLANS[kind].steps
    run_in_child(platform, patched(kind, step.name, killed), change)
    live.run(platform, change)
    wanted = AppState.STOPPED if kind is OperationKind.STOP else AppState.RUNNING
    assert view(platform, first).state is wanted
