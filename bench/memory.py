"""What a tree of processes holds in memory, shared pages counted once (PSS)."""

import time
from pathlib import Path

import requests

from bench.deployments import BODY, WAIT
from bench.figures import Measure, Samples
from bench.world import Server, platform, say
from paas.running.sample import make_mirror

LOOKS = 5
PAUSE = 1.0
REASON = (
    "every process keeps its own copy of what it changed since it was forked. Two of them are "
    "younger than the bound: the one that has Ansible loaded, and the edge with Caddy, which are "
    "a third of it."
)


def tree(root: int) -> list[int]:
    """The process and all its descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        # The name may hold blanks and brackets; the parent comes after its closing one.
        parent = int(text.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def name_of(pid: int) -> str:
    """The process's name; the platform's are called after their role."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def pss_mb(pids: list[int]) -> dict[int, float]:
    """Each process's share in MB; one that ended meanwhile is left out."""
    shares = {}
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        shares[pid] = sum(int(x.split()[1]) for x in lines if x.startswith("Pss:")) / 1024
    return shares


def measure(folder: Path) -> list[Measure]:
    """The idle platform, all its processes, some seconds after its first requests.

    One of them is a deployment: Ansible is loaded with the first play, and stays.
    """
    mirror = make_mirror(folder / "idle-mirror")
    with platform(folder, "idle", PAAS_GIT_MIRROR=str(mirror)) as server:
        _deploy(server)
        for path in ("/health", "/api/deployments", "/api/stats", "/", "/openapi.json"):
            requests.get(f"{server.url}{path}", timeout=30)
        samples: list[float] = []
        parts: dict[str, float] = {}
        for _ in range(LOOKS):
            time.sleep(PAUSE)
            shares = pss_mb(tree(server.pid))
            samples.append(sum(shares.values()))
            parts = {}
            for pid, share in shares.items():
                name = name_of(pid)
                parts[name] = parts.get(name, 0.0) + share
    shown = ", ".join(f"{name} {share:.0f}" for name, share in parts.items())
    say(f"  {samples[-1]:.0f} MB: {shown}")
    values = Samples(samples, "MB", 0)
    what = "Memory of the idle platform after a deployment, all its processes (PSS)"
    return [Measure(what, f"{values}: {shown}", "-", values.median, 300, unit="MB", reason=REASON)]


def _deploy(server: Server) -> None:
    answer = requests.post(f"{server.url}/api/deploy", json=BODY | {"name": "idle"}, timeout=WAIT)
    answer.raise_for_status()
    path = f"{server.url}/api/deployments/{answer.json()['deployment']['id']}"
    requests.delete(path, timeout=WAIT).raise_for_status()
