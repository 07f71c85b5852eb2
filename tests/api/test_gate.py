"""The bound on requests that wait or stream."""

from concurrent.futures import ThreadPoolExecutor

from flask import Flask

from paas.api.context import GATE
from paas.api.gate import Gate
from paas.engine.platform import Platform


def test_eight_threads_stay_free(app: Flask, core: Platform) -> None:
    assert app.extensions[GATE].places == core.settings.threads - 8


def test_no_more_than_there_are_places() -> None:
    gate = Gate(2)
    leaves = [gate.enter() for _ in range(3)]
    assert leaves[0] is not None
    assert leaves[2] is None
    leaves[0]()
    assert gate.enter() is not None


def test_leaving_twice_counts_once() -> None:
    gate = Gate(1)
    leave = gate.enter()
    assert leave is not None
    leave()
    leave()
    assert gate.inside == 0
    assert gate.enter() is not None
    assert gate.enter() is None


def test_threads_do_not_lose_count() -> None:
    gate = Gate(5)

    def pass_through(_: int) -> int:
        leave = gate.enter()
        inside = gate.inside
        if leave is not None:
            leave()
        return inside

    with ThreadPoolExecutor(16) as pool:
        seen = list(pool.map(pass_through, range(2000)))
    assert max(seen) <= 5
    assert gate.inside == 0
