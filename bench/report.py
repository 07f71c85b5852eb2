"""Writes docs/benchmarks.md."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import Measure
from bench.world import CHECKOUT

DOCUMENT = CHECKOUT / "docs" / "benchmarks.md"
INTRODUCTION = """\
# Benchmarks

`make bench` wrote this file; do not edit it. Both sides of a pair are measured in one run, in
turn, on the same machine. Figures are medians, with the smallest and the largest in brackets.
These are measurements, not tests: a missed bound fails nothing, and says so here.
"""
METHOD = """\
## What is measured

- **First deployment**: the bundled Flask sample, from the request until its own address answers.
  By hand is `bench/by_hand.py`: `git clone` and `git archive`, `terraform init` and `apply` of
  the same module, `ansible-playbook` with the same playbook, modules and pipelining, the same
  switch, and a look at the address. Both sides have warm caches where there are any.
- **Redeploy**: a commit that changes the code alone, against the same script run a second time
  on its guest.
- **Own time**: from the accepted request to the recorded end of a first deployment, without the
  seconds in which a child process (git, Terraform, Ansible) was waited for, and without the wait
  for the app's first answer.
- **Containers of the lab** (`make lab`, as root; left out where it cannot run): real containers
  behind a fake Proxmox, whose template has the languages, from the request until the app's
  address answers. By hand is `bench/lab_by_hand.py`: `git clone` and `git archive`, `terraform
  init` and `apply` of the same module, `ssh` until it lets in, `ansible-playbook` with the same
  playbook, the switch, and a look at the address. A redeploy is held against a second run of
  fetch, play and switch alone. The seconds after the colon are medians of each step or phase.
  Ten at once: two workers, against two by hand at a time.
- **Door**: a load of 4 keep-alive connections from another process, against a bare Flask route
  that inserts one row (`bench/bare.py`), both under the platform's gunicorn settings on SQLite
  (WAL, `synchronous=FULL`). No workers run, so that the load is the door's alone.
- **Lists**: requests in turn to two servers that differ in their number of rows: of apps, of
  deployments of one app, and of lines that this app wrote.
- **Memory**: the sum of PSS over all processes of `paas run` (2 workers, web, sweeper, Redis, the
  process that has Ansible loaded, manager), after a deployment and a few requests.
"""


def write(document: Path, measures: Sequence[Measure], seconds: float) -> None:
    """Write the document."""
    lines = [INTRODUCTION, _machine(seconds), *_table(measures), *_reasons(measures), METHOD]
    document.write_text("\n".join(lines))


def _machine(seconds: float) -> str:
    load = os.getloadavg()[2]
    user = "root" if os.geteuid() == 0 else "an ordinary user"
    return (
        f"Taken on {datetime.now(UTC):%Y-%m-%d} in {seconds:.0f} s as {user}, on "
        f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}. "
        f"The load over the last 15 minutes was {load:.1f}, the bench's own included.\n"
    )


def _table(measures: Sequence[Measure]) -> list[str]:
    heads = ("what", "platform", "against", "figure", "bound", "")
    rule = "|" + "---|" * len(heads)
    return ["| " + " | ".join(heads) + " |", rule, *(one.row() for one in measures), ""]


def _reasons(measures: Sequence[Measure]) -> list[str]:
    missed = [one for one in measures if not one.kept]
    if not missed:
        return []
    lines = ["## Missed bounds", ""]
    lines += [f"- {one.what}: {one.reason}" for one in missed]
    return [*lines, ""]
