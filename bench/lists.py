"""Reading at 100,000 rows against 1,000: the same page, the same totals.

There are as many apps, as many deployments of one of them, and as many lines that this one wrote.
"""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import requests
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bench.figures import Measure, Samples, ratio
from bench.world import Server, say, web_only
from paas.domain.states import AppState, DeploymentState, GuestState
from paas.settings import Settings
from paas.store import guests
from paas.store.models import App, AppCount, Deployment, Tenant
from paas.store.setup import open_store, prepare
from paas.targets.contract import Place
from paas.targets.local.sandbox.layout import log_folder

FEW, MANY = 1_000, 100_000
CHUNK = 5_000
ROUNDS = 40
BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
BUSY = "b05e0000-0000-4000-8000-000000000001"
"""The id of the app that was deployed so often and wrote so much."""
PATHS = (
    "/api/deployments?limit=100",
    "/api/stats",
    "/api/paas/apps?limit=100",
    f"/api/paas/apps/{BUSY}/deployments?limit=100",
    f"/api/paas/apps/{BUSY}/logs?limit=100",
)
REASON = (
    "the pages and the totals come from indexes, counters and the end of a file; the depth of an "
    "index grows with the rows."
)
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
    sessions = {count: _session(server) for count, server in servers.items()}
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
    what = f"`GET {path.replace(BUSY, '{id}')}` at {MANY:,} rows against {FEW:,}"
    return Measure(what, str(many), str(few), ratio(many, few), 1.5, reason=REASON)


def _session(server: Server) -> requests.Session:
    """Connections that show the platform's token, which document 000 asks for."""
    made = requests.Session()
    token = (server.instance / "token").read_text().strip()
    made.headers["Authorization"] = f"Bearer {token}"
    return made


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
            _fill_one(session, instance, count)
    finally:
        store.close()


def _fill_one(session: Session, instance: Path, count: int) -> None:
    """Give the first app its deployments, and a guest with its lines."""
    app = session.scalars(select(App).order_by(App.id).limit(1)).one()
    app.uuid = BUSY
    for chunk in _chunks(count):
        session.execute(insert(Deployment), [_attempt(n, app.id) for n in chunk])
    guest = guests.reserve(session, app, "local", Place("local", "local", "127.77.0.9"), 100_000)
    guest.state = GuestState.PRESENT
    session.flush()
    log = log_folder(instance / "guests" / guest.uuid) / "app.log"
    log.parent.mkdir(parents=True)
    with log.open("w") as file:
        file.writelines(_line(n) for n in range(count))


def _attempt(number: int, app_id: int) -> dict[str, object]:
    at = BEGAN + timedelta(seconds=number)
    times = {"created_at": at, "build_started_at": at, "build_completed_at": at, "finished_at": at}
    return {"uuid": str(uuid4()), "app_id": app_id, "state": DeploymentState.DEPLOYED, **times}


def _line(number: int) -> str:
    at = (BEGAN + timedelta(seconds=number)).isoformat(timespec="milliseconds")
    written = {"at": at, "stream": "stdout", "text": f"GET /page/{number} 200"}
    return f"{json.dumps(written)}\n"


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
        "created_at": BEGAN + timedelta(seconds=number),
    }
