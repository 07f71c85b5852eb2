"""A platform with everything real: Terraform, Ansible, guests on this machine."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import requests
from sqlalchemy import update

from paas.domain.specs import DeploySpec
from paas.domain.views import AppView, OperationView
from paas.engine import operation as engine
from paas.engine.plans import PLANS
from paas.engine.platform import Platform
from paas.services import deployments
from paas.store.models import Operation
from tests.factories import ACTOR


def run(platform: Platform, operation: OperationView) -> OperationView:
    """Run an operation here and now, as a worker would."""
    engine.run(platform, PLANS, operation.id)
    return deployments.operation(platform, ACTOR, operation.id)


def run_due(platform: Platform, operation: OperationView) -> OperationView:
    """The same, without the pause after a dead attempt."""
    forget_pauses(platform)
    return run(platform, operation)


def forget_pauses(platform: Platform) -> None:
    """Make every operation due now."""
    with platform.store.write() as session:
        session.execute(update(Operation).values(not_before=None))


def deploy(platform: Platform, spec: DeploySpec) -> AppView:
    """Deploy to the end, whatever it is."""
    operation = run(platform, deployments.create(platform, ACTOR, spec))
    return deployments.get(platform, ACTOR, operation.app_id)


def destroy(platform: Platform, app_id: str) -> AppView:
    """Destroy an app to the end."""
    operation = deployments.delete(platform, ACTOR, app_id)
    if operation is not None:
        run_due(platform, operation)
    return deployments.get(platform, ACTOR, app_id)


def guest_folders(platform: Platform) -> list[str]:
    """The guests that there are on disk."""
    return sorted(p.name for p in platform.folder("guests").iterdir())


def guest_processes(platform: Platform) -> list[int]:
    """Every process that works in a folder of this instance's guests or supervises one."""
    folder = os.fsencode(platform.folder("guests"))
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and _of(p, folder)]


def _of(process: Path, folder: bytes) -> bool:
    try:
        return folder in (process / "cmdline").read_bytes() or os.fsencode(
            (process / "cwd").readlink()
        ).startswith(folder)
    except OSError:
        return False


def kill_guests(platform: Platform) -> None:
    """Kill every supervisor and app, as a reboot would."""
    while pids := guest_processes(platform):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def until_answers(url: str, deadline: float = 60) -> None:
    """Return when the address answers."""
    end = time.monotonic() + deadline
    while True:
        try:
            requests.get(url, timeout=5).raise_for_status()
        except requests.RequestException:
            assert time.monotonic() < end, f"{url} does not answer"
            time.sleep(0.05)
        else:
            return
