"""Reading at 100,000 rows against 1,000: the same page, the same totals."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import requests
from sqlalchemy import insert, select

from bench.figures import Measure, Samples, ratio
from bench.world import Server, say, web_only
from paas.domain.states import AppState
from paas.settings import Settings
from paas.store.models import App, AppCount, Tenant
from paas.store.setup import open_store, prepare

FEW, MANY = 1_000, 100_000
CHUNK = 5_000
ROUNDS = 40
PATHS = ("/api/deployments?limit=100", "/api/stats")
REASON = "the page and the totals come from indexes and counters, whose depth grows with the rows."
STATES = (AppState.RUNNING, AppState.RUNNING, AppState.STOPPED, AppState.FAILED, AppState.DELETED)


def measure(folder: Path) -> list[Measure]:
    """Requests in turn to two servers that differ in their number of rows alone."""
    with ExitStack() as stack:
        servers: dict[int, Server] = {}
        for count in (FEW, MANY):
            _fill(folder / f"rows-{count}", count)
            say(f"  {count:,} rows are there")
            servers[count] = stack.enter_context(web_only(folder, f"rows-{count}"))
        return [_compare(path, servers) for path in PATHS]


def _compare(path: str, servers: dict[int, Server]) -> Measure:
    times: dict[int, list[float]] = {count: [] for count in servers}
    sessions = {count: requests.Session() for count in servers}
    for number in range(ROUNDS + 3):
        for count, server in servers.items():
            began = time.perf_counter()
            answer = sessions[count].get(f"{server.url}{path}", timeout=60)
            took = time.perf_counter() - began
            answer.raise_for_status()
            # The first requests open connections and fill caches.
            if number >= 3:
                times[count].append(took * 1000)
    few, many = Samples(times[FEW], "ms"), Samples(times[MANY], "ms")
    say(f"  {path}: {many.median:.1f} ms against {few.median:.1f} ms")
    what = f"`GET {path}` at {MANY:,} rows against {FEW:,}"
    return Measure(what, str(many), str(few), ratio(many, few), 1.5, reason=REASON)


def _fill(instance: Path, count: int) -> None:
    """Rows as deployments leave them, straight into the tables and their counters."""
    settings = Settings(instance=instance)
    prepare(settings)
    store = open_store(settings)
    try:
        with store.write() as session:
            tenant = session.scalars(select(Tenant.id)).one()
            environment = store.vault.seal_map({})
            for chunk in _chunks(count):
                session.execute(insert(App), [_row(n, tenant, environment) for n in chunk])
            for state in set(STATES):
                share = sum(1 for n in range(count) if STATES[n % len(STATES)] is state)
                session.add(AppCount(tenant_id=tenant, state=state, n=share))
    finally:
        store.close()


def _chunks(count: int) -> Iterator[range]:
    for start in range(0, count, CHUNK):
        yield range(start, min(start + CHUNK, count))


def _row(number: int, tenant: int, environment: bytes) -> dict[str, object]:
    name = f"app-{number:06d}"
    return {
        "uuid": str(uuid4()),
        "tenant_id": tenant,
        "name": name,
        "slug": name,
        "hostname": name,
        "guest_type": "lxc",
        "framework": "flask",
        "repository": f"https://github.com/acme/{name}",
        "cores": 1,
        "memory": 256,
        "disk": 5,
        "port": 5000,
        "environment": environment,
        "state": STATES[number % len(STATES)],
        "created_at": datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=number),
    }
