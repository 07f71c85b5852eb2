"""Whole deployments: through the platform and by hand, in turn."""

import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests

from bench.by_hand import ByHand, Workshop
from bench.figures import Measure, Samples, ratio
from bench.world import BenchFailed, Server, change_sample, platform, say
from paas.running.sample import REPOSITORY, make_mirror

ROUNDS = 5
RESOURCES = {"cores": 2, "memory": 512, "disk": 5}
BODY: dict[str, object] = {
    "deployment_type": "lxc",
    "framework": "flask",
    "github_url": REPOSITORY,
    "resources": RESOURCES,
}
WAIT = 300


@dataclass
class Times:
    """Seconds of each round, by side."""

    first: list[float] = field(default_factory=list)
    first_by_hand: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    again_by_hand: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    parts: dict[str, list[float]] = field(default_factory=dict)


def measure(folder: Path) -> list[Measure]:
    """Rounds in turn; the first round fills caches on both sides and is not counted."""
    mirror = make_mirror(folder / "mirror")
    times = Times()
    workshop = Workshop(folder / "hand", mirror / "samples" / "flask")
    with platform(folder, "deploys", PAAS_GIT_MIRROR=str(mirror)) as server:
        for number in range(ROUNDS + 1):
            hand = ByHand(workshop, number, RESOURCES)
            _round(number, server, hand, mirror, times if number else Times())
    return _measures(times)


def _round(number: int, server: Server, hand: ByHand, mirror: Path, times: Times) -> None:
    name = f"bench-{number}"
    try:
        times.first_by_hand.append(hand.deploy())
        took, app = _timed(server, "/api/deploy", BODY | {"name": name})
        times.first.append(took)
        change_sample(mirror, f"round {number}")
        times.again_by_hand.append(hand.deploy())
        path = f"/api/deployments/{app['id']}"
        took, _ = _timed(server, f"{path}/redeploy", {})
        times.again.append(took)
        requests.delete(server.url + path, timeout=WAIT).raise_for_status()
    finally:
        hand.destroy()
    _read_steps(server.instance / "paas.db", str(app["id"]), times)
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


def _read_steps(database: Path, app_id: str, times: Times) -> None:
    """What the engine recorded of the first deployment of an app."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        (key, wall) = connection.execute(
            "SELECT o.id, (julianday(o.finished_at) - julianday(o.created_at)) * 86400 "
            "FROM operations o JOIN apps a ON a.id = o.app_id "
            "WHERE a.uuid = ? AND o.kind = 'deploy'",
            (app_id,),
        ).fetchone()
        steps = connection.execute(
            "SELECT name, seconds, child_seconds FROM steps WHERE operation_id = ?", (key,)
        ).fetchall()
    # The look at the app waits for a process too: the app, which is the supervisor's child.
    boot = sum(seconds - children for name, seconds, children in steps if name == "check")
    times.own.append((wall - sum(children for _, _, children in steps) - boot) * 1000)
    for name, seconds, children in steps:
        times.parts.setdefault(name, []).append((seconds - children) * 1000)


def _measures(times: Times) -> list[Measure]:
    first, by_hand = Samples(times.first, "s", 2), Samples(times.first_by_hand, "s", 2)
    again, second = Samples(times.again, "s", 2), Samples(times.again_by_hand, "s", 2)
    own = Samples(times.own, "ms", 0)
    parts = {name: Samples(values, "ms", 0).median for name, values in times.parts.items()}
    shown = ", ".join(f"{name} {value:.0f}" for name, value in parts.items())
    say(f"  own time by step, in ms: {shown}")
    return [
        Measure("First deployment of the Flask sample", str(first), str(by_hand),
                ratio(first, by_hand), 1.1),
        Measure("Redeploy with unchanged dependencies", str(again), str(second),
                ratio(again, second), 0.6),
        Measure("The platform's own time in a first deployment", f"{own}; by step: {shown}", "-",
                own.median, 150, unit="ms"),
    ]  # fmt: skip
