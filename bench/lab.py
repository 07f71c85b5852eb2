"""Containers in the lab: through the platform and by hand, in turn. Needs what the lab needs."""

import sqlite3
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import requests

from bench.figures import Measure, Samples, ratio
from bench.lab_by_hand import ByHand, Workshop
from bench.world import BenchFailed, Server, change_sample, platform, say, wait_for
from paas.settings import Settings
from tests.lab import ground
from tests.lab import lab as whole
from tests.lab.hypervisor import HypervisorError

ROUNDS = 5
LEAST_ROUNDS = 3
SECONDS = 240
"""On a slow or busy machine there are fewer rounds rather than a longer bench."""
TOGETHER = 10
AT_ONCE = 2
WAIT = 600
RESOURCES = {"cores": 1, "memory": 512, "disk": 5}
BODY: dict[str, object] = {
    "deployment_type": "lxc",
    "framework": "flask",
    "github_url": "https://github.com/samples/flask",
    "resources": RESOURCES,
}
STEPS = """
SELECT s.name, s.seconds FROM steps s JOIN operations o ON o.id = s.operation_id
JOIN apps a ON a.id = o.app_id WHERE a.uuid = ? AND o.kind = ? ORDER BY s.position
"""
# A step of an instant in every round tells nothing.
LEAST_SHOWN = 0.01
FIRST = "both sides wait for the same programs, the guest's start and the same play."
REDEPLOY = (
    "the tasks take as long on both sides. What comes on top is what the platform does not leave "
    "out: it fetches from the repository, looks at the guest before it touches it, looks at the "
    "new release before it lets it serve, switches and removes what is superseded (0.3 s), and "
    "records each step on disk. It does not load Ansible anew, as the script must, and reaches "
    "the guest while it fetches."
)
TEN = (
    "two workers against two at a time by hand, on two processors that are busy all the time: "
    "what the platform spends on recording steps, on its sweeper, web process and SSH "
    "connections of its own comes on top, and so does waiting for each other's place in one "
    "database."
)


@dataclass
class Side:
    """Seconds of each round, and of each phase in it, of one side of a pair."""

    totals: list[float] = field(default_factory=list)
    phases: dict[str, list[float]] = field(default_factory=dict)

    def take(self, total: float, phases: Mapping[str, float]) -> None:
        """Add a round."""
        self.totals.append(total)
        for name, seconds in phases.items():
            self.phases.setdefault(name, []).append(seconds)

    @property
    def samples(self) -> Samples:
        """The totals."""
        return Samples(self.totals, "s", 2)

    def __str__(self) -> str:
        medians = {name: median(seconds) for name, seconds in self.phases.items()}
        shown = [f"{name} {value:.2f}" for name, value in medians.items() if value > LEAST_SHOWN]
        return f"{self.samples}: {', '.join(shown)}"


@dataclass
class Times:
    """Both sides of both pairs."""

    first: Side = field(default_factory=Side)
    first_by_hand: Side = field(default_factory=Side)
    again: Side = field(default_factory=Side)
    again_by_hand: Side = field(default_factory=Side)


@dataclass(frozen=True)
class World:
    """The two sides, and the repositories that both deploy."""

    server: Server
    workshop: Workshop
    mirror: Path


def measure(folder: Path) -> list[Measure]:
    """Rounds in turn, then ten at once; nothing where the lab cannot run."""
    if why := ground.obstacle():
        say(f"  skipped: {why}")
        return []
    try:
        with whole.running() as lab:
            return _measure(folder, lab)
    except HypervisorError as error:
        raise BenchFailed(f"the lab: {error}") from error


def _measure(folder: Path, lab: whole.Lab) -> list[Measure]:
    repositories, (ours, theirs) = lab.git.folder, _halves(lab)
    settings = Settings.read(
        lab.environ(folder / "lab-hand", addresses=theirs, vmids="200000-299999")
    )
    workshop = Workshop(folder / "lab-hand", settings, repositories / "samples" / "flask")
    given = lab.environ(folder / "lab", addresses=ours)
    del given["PAAS_INSTANCE"]
    with platform(folder, "lab", **given) as server:
        world = World(server, workshop, repositories)
        times = _rounds(world)
        together = _together(world)
    return [*_pairs(times), together]


def _halves(lab: whole.Lab) -> tuple[str, str]:
    """The lab's addresses, half for each side: neither knows of the other's guests."""
    plan = lab.ground.plan
    ours, theirs = (
        f"{plan.subnet}.{first}-{plan.subnet}.{last}/24,gw={plan.host}"
        for first, last in ((20, 99), (100, 199))
    )
    return ours, theirs


def _rounds(world: World) -> Times:
    """The first round fills caches on both sides and is not counted."""
    times, end = Times(), time.monotonic() + SECONDS
    for number in range(ROUNDS + 1):
        if number > LEAST_ROUNDS and time.monotonic() > end:
            break
        _round(number, world, times if number else Times())
    return times


def _round(number: int, world: World, times: Times) -> None:
    """Who begins changes from round to round."""
    hand = ByHand(world.workshop, RESOURCES)
    name, apps = f"lab-{number}", []
    hand.prepare()

    def first_by_hand() -> None:
        phases = hand.first()
        times.first_by_hand.take(sum(phases.values()), phases)

    def first() -> None:
        seconds, app = _timed(world.server, "/api/deploy", BODY | {"name": name})
        apps.append(app)
        times.first.take(seconds, _steps(world.server, app, "deploy"))

    def again_by_hand() -> None:
        phases = hand.again()
        times.again_by_hand.take(sum(phases.values()), phases)

    def again() -> None:
        path = f"/api/deployments/{apps[0]}/redeploy"
        seconds, app = _timed(world.server, path, {})
        times.again.take(seconds, _steps(world.server, app, "redeploy"))

    _in_turn(number, first, first_by_hand)
    change_sample(world.mirror, f"round {number}")
    hand.prepare()
    _in_turn(number, again, again_by_hand)
    _delete(world.server, apps)
    hand.destroy()
    say(f"  round {number}: {_last(times)}")


def _in_turn(number: int, ours: Callable[[], None], theirs: Callable[[], None]) -> None:
    for act in (ours, theirs) if number % 2 else (theirs, ours):
        act()


def _last(times: Times) -> str:
    pairs = (
        ("first", times.first, times.first_by_hand),
        ("again", times.again, times.again_by_hand),
    )
    return ", ".join(
        f"{what} {ours.totals[-1]:.2f} s against {theirs.totals[-1]:.2f} s"
        for what, ours, theirs in pairs
    )


def _timed(server: Server, path: str, body: object) -> tuple[float, str]:
    """From the request until the app answered at its own address; the app's id."""
    began = time.perf_counter()
    answer = requests.post(server.url + path, json=body, timeout=WAIT)
    found = answer.json()
    if answer.status_code != 200:
        raise BenchFailed(f"POST {path} answered {answer.status_code}: {found}")
    requests.get(found["deployment"]["access_url"], timeout=30).raise_for_status()
    return time.perf_counter() - began, str(found["deployment"]["id"])


def _steps(server: Server, app: str, kind: str) -> dict[str, float]:
    """Seconds of each step, as the engine recorded them."""
    path = f"file:{server.instance / 'paas.db'}?mode=ro"
    with sqlite3.connect(path, uri=True) as connection:
        return dict(connection.execute(STEPS, (app, kind)).fetchall())


def _delete(server: Server, apps: list[str]) -> None:
    for app in apps:
        path = f"{server.url}/api/deployments/{app}"
        requests.delete(path, timeout=WAIT).raise_for_status()


def _together(world: World) -> Measure:
    """Ten at once; by hand two at a time, as the platform has two workers."""
    hands = [ByHand(world.workshop, RESOURCES) for _ in range(TOGETHER)]
    for hand in hands:
        hand.prepare()
    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ByHand.first, hands))
        by_hand = time.perf_counter() - began
        list(pool.map(ByHand.destroy, hands))
    began = time.perf_counter()
    apps = [_begin(world.server, f"ten-{number}") for number in range(TOGETHER)]
    for app in apps:
        _wait_running(world.server, app)
    ours = time.perf_counter() - began
    # Their guests go with the lab.
    say(f"  {TOGETHER} at once: {ours:.1f} s against {by_hand:.1f} s")
    totals, others = Samples([ours], "s"), Samples([by_hand], "s")
    what = f"{TOGETHER} containers at once, by hand {AT_ONCE} at a time: the whole time"
    return Measure(what, str(totals), str(others), ours / by_hand, 1.1, reason=TEN)


def _begin(server: Server, name: str) -> str:
    answer = requests.post(
        f"{server.url}/api/deploy",
        json=BODY | {"name": name},
        headers={"Prefer": "respond-async"},
        timeout=WAIT,
    )
    answer.raise_for_status()
    return str(answer.json()["deployment"]["id"])


def _wait_running(server: Server, app: str) -> None:
    def settled() -> bool:
        found = requests.get(f"{server.url}/api/deployments/{app}", timeout=WAIT).json()
        state = found["deployment"]["status"]
        if state == "failed":
            raise BenchFailed(f"{app} failed: {found}")
        if state != "running":
            return False
        requests.get(found["deployment"]["access_url"], timeout=30).raise_for_status()
        return True

    wait_for(f"the deployment {app}", settled, WAIT)


def _pairs(times: Times) -> list[Measure]:
    return [
        Measure(what, str(ours), str(theirs), ratio(ours.samples, theirs.samples), bound,
                reason=reason)
        for what, ours, theirs, bound, reason in (
            ("First deployment to a container of the lab, its languages in the template",
             times.first, times.first_by_hand, 1.1, FIRST),
            ("Redeploy to it with unchanged dependencies, against a second play",
             times.again, times.again_by_hand, 1.0, REDEPLOY),
        )
    ]  # fmt: skip
