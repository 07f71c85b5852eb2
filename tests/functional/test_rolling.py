"""A new release rolls over three replicas, and then two of them go: no request fails meanwhile."""

import asyncio
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import aio
from tests.functional.running import Running, free_port, until
from tests.mirror import Mirror
from tests.tools.edge_support import Load, cuts_at_changes, missing

CLIENTS = 3
SERVER = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"%s")

    do_POST = do_GET

ThreadingHTTPServer.request_queue_size = 128
ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
RELEASES = [
    {
        "index.html": "",
        "Procfile": "web: exec python3 server.py\n",
        "server.py": SERVER % word,
    }
    for word in ("one", "two")
]


class Site:
    """An app of three replicas behind the edge of a platform that runs."""

    def __init__(self, running: Running, mirror: Mirror, port: int) -> None:
        self._running = running
        self._mirror = mirror
        self._token = (running.instance / "token").read_text().strip()
        self.url = f"http://127.0.0.1:{port}/"
        plans = self.ask("GET", "plans")["plans"]
        plan = next(one["id"] for one in plans if one["max_replicas"] >= 3)
        given = {
            "name": "Site",
            "slug": "site",
            "git_url": mirror.add("site", RELEASES[0]),
            "git_branch": "main",
            "buildpack": "static",
            "plan_id": plan,
        }
        made = self.ask("POST", "apps", given)["app"]
        self.id = made["id"]
        self.host = f"{made['subdomain']}.localhost"

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}"}
        url = f"{self._running.url}/api/paas/{path}"
        answer = requests.request(method, url, json=body, headers=headers, timeout=60)
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def scale(self, replicas: int) -> None:
        self.ask("POST", f"apps/{self.id}/scale", {"replicas": replicas})

    def deploy(self) -> None:
        self.ask("POST", f"apps/{self.id}/deploy")
        self.ends()

    def ends(self) -> None:
        """Return when nothing is done to the app any more."""
        self._running.ends(self.id, "running")

    def page(self) -> str:
        return requests.get(self.url, headers={"Host": self.host}, timeout=30).text

    def renew(self) -> None:
        """Deploy the second release."""
        self._mirror.add("site", RELEASES[1])
        self.deploy()


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    if reason := missing().get(request.param):
        pytest.skip(reason)
    return str(request.param)


@pytest.fixture
def site(
    kind: str, prepared: Path, database_url: str, instance: Path, tmp_path: Path
) -> Iterator[Site]:
    shutil.copytree(prepared, instance)
    mirror = Mirror(tmp_path / "mirror")
    port = free_port()
    running = Running(
        instance,
        mirror.folder,
        PAAS_EDGE=kind,
        PAAS_EDGE_LISTEN=f"127.0.0.1:{port}",
        PAAS_DATABASE_URL=database_url,
    ).start()
    made: Site | None = None
    try:
        made = Site(running, mirror, port)
        made.scale(3)
        made.deploy()
        until(lambda: made and made.page() == "one", "the edge to know the app")
        yield made
        running.delete(made.id)
        running.ends(made.id, "deleted")
    finally:
        running.stop(signal.SIGTERM)


@pytest.mark.parametrize(
    ("kind", "database_url"),
    [("local", "sqlite"), ("caddy", "sqlite"), ("caddy", "postgresql")],
    indirect=True,
)
def test_no_request_fails_while_a_release_rolls_and_replicas_go(site: Site, kind: str) -> None:
    async def scenario() -> list[Load]:
        loads = [
            Load(site.url, site.host, CLIENTS, keep_alive=True),
            # A POST is never repeated: it must be right the first time.
            Load(site.url, site.host, CLIENTS, keep_alive=False, method="POST"),
        ]

        async def more() -> None:
            await asyncio.gather(*(load.more(100) for load in loads))

        await more()
        await asyncio.to_thread(site.renew)
        await more()
        assert {await asyncio.to_thread(site.page) for _ in range(6)} == {"two"}
        await asyncio.to_thread(site.scale, 1)
        await asyncio.to_thread(site.ends)
        await more()
        for load in loads:
            await load.end()
        return loads

    for load in aio.run(scenario()):
        assert set(load.answers) == {"200"}, load.answers
        assert cuts_at_changes(kind) or not load.repeated
