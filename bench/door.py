"""POST /api/deploy with respond-async against a bare route that inserts one row."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import Measure, Samples, percentile, ratio
from bench.world import CHECKOUT, BenchFailed, environment, free_port, run, say, serving, web_only

ROUNDS = 5
SECONDS = 3
THREADS = 4
BODY = {
    "name": "",
    "deployment_type": "lxc",
    "framework": "static",
    "github_url": "https://github.com/acme/sample",
    "resources": {"cores": 1, "memory": 256, "disk": 5},
}

REASON = (
    "an accepted deployment is checked against every rule, looks for its name, writes an app, its "
    "counter, an event, a deployment and an operation in one transaction, and wakes a worker "
    "through Redis; the bare route writes one row. All of it is Python that one process runs: "
    "about ten times the processor time of the bare route, of which the statements and the "
    "transaction through SQLAlchemy are two fifths, RQ's enqueueing a fifth, and Flask with the "
    "checks of the doors and the rules of the body the rest."
)


@dataclass
class Side:
    """What the rounds of one side gave."""

    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    def take(self, url: str) -> None:
        """One round of load."""
        arguments = (f"{url}/api/deploy", str(SECONDS), str(THREADS), json.dumps(BODY))
        out = run(sys.executable, "-m", "bench.load", *arguments, cwd=CHECKOUT)
        found = json.loads(out)
        if found["errors"]:
            raise BenchFailed(f"The load was refused: {found['errors'][0]}")
        self.rates.append(len(found["latencies"]) / found["seconds"])
        self.latencies += found["latencies"]

    def __str__(self) -> str:
        rate = Samples(self.rates, "requests/s", 0)
        p50, p99 = (percentile(self.latencies, share) * 1000 for share in (0.5, 0.99))
        return f"{rate}, p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def measure(folder: Path) -> list[Measure]:
    """Rounds in turn, without workers, so that the load is the door's alone."""
    ours, bare = Side(), Side()
    folder_of_bare, port = folder / "bare", free_port()
    folder_of_bare.mkdir()
    command = [sys.executable, "-m", "bench.bare", str(folder_of_bare), str(port)]
    with (
        web_only(folder, "door") as server,
        serving(command, folder_of_bare, port, environment()) as other,
    ):
        for side, url in ((Side(), other.url), (Side(), server.url)):
            side.take(url)
        for number in range(ROUNDS):
            bare.take(other.url)
            ours.take(server.url)
            say(f"  round {number + 1}: {ours.rates[-1]:.0f} against {bare.rates[-1]:.0f} a second")
    figure = ratio(Samples(ours.rates, ""), Samples(bare.rates, ""))
    what = "`POST /api/deploy`, `respond-async`, against a bare route that inserts one row: rate"
    return [Measure(what, str(ours), str(bare), figure, 0.5, at_least=True, reason=REASON)]
