"""``python -m bench``: measure, show, and write docs/benchmarks.md.

``--only NAME`` (repeatable) measures a part and writes nothing.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import requests

from bench import deployments, door, lab, lists, memory, report
from bench.figures import Measure
from bench.world import BenchFailed, say

PARTS: dict[str, tuple[str, Callable[[Path], list[Measure]]]] = {
    "deployments": ("Deployments, through the platform and by hand", deployments.measure),
    "lab": ("Containers in the lab, through the platform and by hand", lab.measure),
    "door": ("The door", door.measure),
    "lists": ("Lists and totals", lists.measure),
    "memory": ("Memory", memory.measure),
}


def main() -> int:
    """Measure everything; 1 when something could not be measured, whatever the figures are."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure the platform.")
    parser.add_argument("--only", action="append", choices=list(PARTS))
    parser.add_argument("--document", type=Path, default=report.DOCUMENT, help="where to write")
    given = parser.parse_args()
    chosen = given.only
    # Short, because sockets lie below it; guests of root's pass through it to their own.
    folder = Path(tempfile.mkdtemp(prefix="paas-bench-", dir="/tmp"))
    folder.chmod(0o711)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    measures: list[Measure] = []
    try:
        for name in chosen or PARTS:
            title, measure = PARTS[name]
            say(f"{title} ...")
            measures += measure(folder)
    except (BenchFailed, requests.RequestException) as error:
        say(f"The bench ended: {error}")
        return 1
    except KeyboardInterrupt:
        say("The bench was interrupted; nothing is written.")
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    took = time.monotonic() - began
    for one in measures:
        say(one.row())
    if not chosen:
        report.write(given.document, measures, took)
    say(f"Measured in {took:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
