"""What an operation begins with a guest while it still fetches."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from paas.domain.specs import BuildPlan, GuestSpec
from paas.domain.states import AppState, GuestState
from paas.engine import attempt as attempts
from paas.engine import takeover
from paas.engine.attempt import Attempt
from paas.engine.platform import Platform
from paas.store import guests
from paas.store.models import App, Operation
from paas.targets.contract import Connection, Place, Stop
from tests.lab.faults.inside import NoPlay


@dataclass
class Noting:
    """A target that notes which guests are to be reached early."""

    endpoint: str = "local"
    playbook: Path = Path("play.yml")
    reached: list[str] = field(default_factory=list)

    def during(self, stop: Stop) -> "Noting":
        return self

    def warm_up(self, guest: GuestSpec, plan: BuildPlan | None) -> None:
        self.reached.append("by the platform")

    def connection(self, guest: GuestSpec) -> Connection:
        self.reached.append("by Ansible")
        return Connection({})


@pytest.mark.parametrize(
    ("wanted", "host_key", "reached"),
    [
        (AppState.RUNNING, "ssh-ed25519 AAAA", ["by the platform", "by Ansible"]),
        (AppState.RUNNING, "", ["by the platform"]),
        (AppState.STOPPED, "ssh-ed25519 AAAA", []),
    ],
    ids=["one that runs", "one that has no key", "one that rests"],
)
def test_a_guest_that_runs_is_reached_early(
    bare: Platform,
    operation: Operation,
    monkeypatch: pytest.MonkeyPatch,
    wanted: AppState,
    host_key: str,
    reached: list[str],
) -> None:
    monkeypatch.setattr(attempts, "Playbook", NoPlay)
    target = Noting()
    platform = replace(bare, targets={"local": target})  # type: ignore[dict-item]
    with platform.store.write() as session:
        app = session.get_one(App, operation.app_id)
        app.wanted = wanted
        guest = guests.reserve(session, app, "local", Place("local", "here", "127.77.0.9"), 100_000)
        guest.state, guest.host_key = GuestState.PRESENT, host_key
    held = takeover.take(platform, operation.uuid)
    assert held is not None
    with Attempt(platform, held) as attempt:
        attempt.warm_up()
    assert target.reached == reached
