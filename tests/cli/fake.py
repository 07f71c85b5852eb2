"""A small platform over real HTTP: only what the command line needs, and ways to misbehave."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

AT = "2999-01-01T00:00:{:02d}Z"
APP_ID = "11111111-2222-4333-8444-555555555555"

Json = dict[str, Any]


def deployment(**changes: Any) -> Json:
    """A deployment as the platform shows it."""
    return {
        "id": APP_ID,
        "name": "shop",
        "deployment_type": "lxc",
        "framework": "flask",
        "github_url": "https://github.com/acme/shop",
        "resources": {"cores": 1, "memory": 256, "disk": 5},
        "status": "running",
        "created_at": "2025-11-25T10:00:00Z",
        "deployed_at": None,
        "ip_address": "127.77.0.1",
        "vm_id": 100,
        "error_message": None,
        "access_url": "http://127.77.0.1:5000",
        "operation": None,
    } | changes


@dataclass
class Request:
    """One request that came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass
class FakePlatform:
    """The state of the fake: tests set it, and read ``requests`` afterwards.

    ``answers`` holds, per "METHOD path", answers to give before the built-in ones.
    ``output`` is what each stream of the app's output in turn writes before it breaks off.
    ``break_after`` lists after how many events each stream in turn breaks off.
    ``script`` is what happens once a change has been accepted: changes to the deployment and
    events, in order.
    """

    deployments: list[Json] = field(default_factory=list)
    output: list[list[bytes]] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)
    answers: dict[str, list[tuple[int, Json]]] = field(default_factory=dict)
    break_after: list[int] = field(default_factory=list)
    drop_requests: int = 0
    requests: list[Request] = field(default_factory=list)
    script: list[Json | tuple[str, str, str]] = field(default_factory=list)
    token: str = ""
    page: int = 1000
    changed: threading.Condition = field(default_factory=threading.Condition)
    url: str = ""

    def event(self, kind: str, stream: str, text: str) -> None:
        """Append an event to the stream."""
        with self.changed:
            seq = len(self.events) + 1
            at = AT.format(min(seq, 59))
            self.events.append({"seq": seq, "kind": kind, "stream": stream, "text": text, "at": at})
            self.changed.notify_all()

    def play(self) -> None:
        """Let the script happen."""
        for act in self.script:
            if isinstance(act, tuple):
                self.event(*act)
            else:
                self.deployments[0].update(act)

    def asked(self, method: str, part: str = "") -> list[Request]:
        """The requests of a method whose path has a part."""
        return [r for r in self.requests if r.method == method and part in r.path]


class Handler(BaseHTTPRequestHandler):
    """One connection to the fake."""

    protocol_version = "HTTP/1.1"
    platform: FakePlatform

    def log_message(self, *_arguments: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        self.answer()

    do_POST = do_DELETE = do_GET  # noqa: N815 (the names are http.server's)

    def answer(self) -> None:
        fake = self.platform
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        fake.requests.append(Request(self.command, self.path, dict(self.headers), body))
        if fake.drop_requests and self.command == "POST":
            fake.drop_requests -= 1
            self.close_connection = True
            return
        if fake.token and self.headers.get("Authorization") != f"Bearer {fake.token}":
            self.say(401, {"success": False, "error": "Sign in first"})
            return
        path = urlsplit(self.path).path
        planned = fake.answers.get(f"{self.command} {path}")
        if planned:
            self.say(*planned.pop(0))
        elif path.endswith("/events"):
            self.stream()
        elif "follow=1" in self.path:
            self.output()
        elif self.command == "GET":
            self.read(path)
        else:
            self.change(path)

    def read(self, path: str) -> None:
        fake = self.platform
        if path == "/api/deployments":
            self.listed()
        elif path.endswith("/terraform"):
            self.say(200, b"PK zip")
        elif found := next((d for d in fake.deployments if path.endswith(d["id"])), None):
            self.say(200, {"success": True, "deployment": found})
        else:
            self.say(404, {"success": False, "error": "Deployment not found"})

    def listed(self) -> None:
        fake = self.platform
        query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        found = [d for d in fake.deployments if query.get("search", "").lower() in d["name"]]
        start = int(query.get("after", 0))
        more = {}
        if len(found) > start + fake.page:
            more["Link"] = f'</api/deployments?after={start + fake.page}>; rel="next"'
        page = found[start : start + fake.page]
        self.say(200, {"success": True, "deployments": page}, more)

    def change(self, path: str) -> None:
        fake = self.platform
        if path == "/api/deploy":
            fake.deployments.insert(0, deployment(status="pending", operation="deploy"))
            fake.event("status", "platform", "pending")
        else:
            fake.deployments[0]["operation"] = path.rsplit("/", 1)[1]
        accepted = dict(fake.deployments[0])
        fake.play()
        self.say(202, {"success": True, "message": "Accepted", "deployment": accepted})

    def say(self, status: int, body: Json | bytes, headers: Mapping[str, str] = {}) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def output(self) -> None:
        if not self.platform.output:
            self.say(409, {"success": False, "error": "This deployment is deleted"})
            return
        self.begin_stream()
        for block in self.platform.output.pop(0):
            self.wfile.write(block + b"\n\n")

    def stream(self) -> None:
        fake = self.platform
        self.begin_stream()
        left = fake.break_after.pop(0) if fake.break_after else 1_000_000
        at = int(self.headers.get("Last-Event-ID") or 0)
        while left:
            with fake.changed:
                if len(fake.events) <= at and not fake.changed.wait(timeout=0.5):
                    self.wfile.write(b": keepalive\n\n")
                if len(fake.events) <= at:
                    continue
                event = fake.events[at]
            at += 1
            left -= 1
            lines = f"id: {at}\nevent: {event['kind']}\ndata: {json.dumps(event)}\n\n"
            self.wfile.write(lines.encode())


class Server(ThreadingHTTPServer):
    """A client that goes away in the middle is no news."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent."""


@contextmanager
def serve(fake: FakePlatform) -> Iterator[FakePlatform]:
    """Serve the fake on a free port of 127.0.0.1."""
    handler = type("Bound", (Handler,), {"platform": fake})
    with Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        fake.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield fake
        finally:
            server.shutdown()
