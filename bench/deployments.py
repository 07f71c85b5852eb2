"""Whole deployments: through the platform and by hand, in turn."""

import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import requests

from bench.by_hand import ByHand, Workshop
from bench.figures import Measure, Samples, ratio
from bench.world import BenchFailed, Server, change_sample, platform, remove_guests, say
from paas.running.sample import REPOSITORY, make_mirror

ROUNDS = 6
LEAST_ROUNDS = 3
SECONDS = 240
"""On a slow or busy machine there are fewer rounds rather than a longer bench."""
OPERATIONS = """
SELECT o.id, o.kind, (julianday(o.finished_at) - julianday(o.created_at)) * 86400
FROM operations o JOIN apps a ON a.id = o.app_id WHERE a.uuid = ?
"""
STEPS = """
SELECT name, seconds, child_seconds FROM steps WHERE operation_id = ? ORDER BY position
"""
RESOURCES = {"cores": 2, "memory": 512, "disk": 5}
BODY: dict[str, object] = {
    "deployment_type": "lxc",
    "framework": "flask",
    "github_url": REPOSITORY,
    "resources": RESOURCES,
}
WAIT = 300
FIRST = "both sides wait for the same programs; what the platform adds is its own time, below."
REDEPLOY = (
    "the playbook takes as long on both sides. The platform leaves Terraform out when the guest "
    "is as its row says, but it looks at the new release before it lets it serve, and waits for "
    "the app's start to do so; the script switches first and looks afterwards."
)
OWN = (
    "each step is recorded when it begins and when it ends, each time on disk, and its log lines "
    "are written in batches; the figures by step show where the time is."
)


@dataclass
class Times:
    """Seconds of each round, by side."""

    first: list[float] = field(default_factory=list)
    first_by_hand: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    again_by_hand: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    steps: dict[str, dict[str, list[tuple[float, float]]]] = field(default_factory=dict)

    def read(self, database: Path, app_id: str) -> None:
        """Take in what the engine recorded of an app's operations."""
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            operations = connection.execute(OPERATIONS, (app_id,)).fetchall()
            for key, kind, wall in operations:
                rows = connection.execute(STEPS, (key,)).fetchall()
                for name, seconds, children in rows:
                    both = self.steps.setdefault(kind, {}).setdefault(name, [])
                    both.append((seconds, children))
                if kind == "deploy":
                    self.own.append(_own_time(wall, rows) * 1000)

    def shown(self, kind: str, *, own: bool) -> str:
        """The medians of each step in ms; ``own`` leaves child processes out."""
        parts = []
        for name, pairs in self.steps[kind].items():
            values = [(seconds - (children if own else 0.0)) * 1000 for seconds, children in pairs]
            parts.append(f"{name} {median(values):.0f}")
        return ", ".join(parts)


def _own_time(wall: float, steps: list[tuple[str, float, float]]) -> float:
    """Seconds without a child process, and without the wait for the app's first answer: the app
    is a process too, though the supervisor's."""
    boot = sum(seconds - children for name, seconds, children in steps if name == "check")
    return wall - sum(children for _, _, children in steps) - boot


def measure(folder: Path) -> list[Measure]:
    """Rounds in turn; the first round fills caches on both sides and is not counted."""
    mirror = make_mirror(folder / "mirror")
    times = Times()
    workshop = Workshop(folder / "hand", mirror / "samples" / "flask")
    end = time.monotonic() + SECONDS
    try:
        with platform(folder, "deploys", PAAS_GIT_MIRROR=str(mirror)) as server:
            for number in range(ROUNDS + 1):
                if number > LEAST_ROUNDS and time.monotonic() > end:
                    break
                hand = ByHand(workshop, number, RESOURCES)
                _round(number, server, hand, mirror, times if number else Times())
    finally:
        remove_guests(workshop.settings.instance)
    return _measures(times)


def _round(number: int, server: Server, hand: ByHand, mirror: Path, times: Times) -> None:
    name = f"bench-{number}"
    times.first_by_hand.append(hand.deploy())
    took, app = _timed(server, "/api/deploy", BODY | {"name": name})
    times.first.append(took)
    change_sample(mirror, f"round {number}")
    times.again_by_hand.append(hand.deploy())
    path = f"/api/deployments/{app['id']}"
    took, _ = _timed(server, f"{path}/redeploy", {})
    times.again.append(took)
    requests.delete(server.url + path, timeout=WAIT).raise_for_status()
    hand.destroy()
    times.read(server.instance / "paas.db", str(app["id"]))
    say(
        f"  round {number}: first {times.first[-1]:.2f} s against {times.first_by_hand[-1]:.2f} s, "
        f"again {times.again[-1]:.2f} s against {times.again_by_hand[-1]:.2f} s"
    )


def _timed(server: Server, path: str, body: object) -> tuple[float, dict[str, object]]:
    """From the request until the app answered at its own address."""
    began = time.perf_counter()
    answer = requests.post(server.url + path, json=body, timeout=WAIT)
    found = answer.json()
    if answer.status_code != 200:
        raise BenchFailed(f"POST {path} answered {answer.status_code}: {found}")
    requests.get(found["deployment"]["access_url"], timeout=30).raise_for_status()
    return time.perf_counter() - began, found["deployment"]


def _measures(times: Times) -> list[Measure]:
    first, by_hand = Samples(times.first, "s", 2), Samples(times.first_by_hand, "s", 2)
    again, second = Samples(times.again, "s", 2), Samples(times.again_by_hand, "s", 2)
    own = Samples(times.own, "ms", 0)
    shown = times.shown("deploy", own=True)
    say(f"  first deployment, ms by step: {times.shown('deploy', own=False)}; own: {shown}")
    say(f"  redeploy, ms by step: {times.shown('redeploy', own=False)}")
    return [
        Measure("First deployment of the Flask sample", str(first), str(by_hand),
                ratio(first, by_hand), 1.1, reason=FIRST),
        Measure("Redeploy with unchanged dependencies", str(again), str(second),
                ratio(again, second), 0.6, reason=REDEPLOY),
        Measure("The platform's own time in a first deployment", f"{own}; by step: {shown}", "-",
                own.median, 150, unit="ms", reason=OWN),
    ]  # fmt: skip
