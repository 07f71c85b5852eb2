"""Terraform's ``http`` backend for one attempt, on loopback, behind a password of its own.

Versions go to the database sealed and under the attempt's epoch: a stale epoch gets 409, so a
Terraform that outlived its worker cannot overwrite what its successor wrote.
"""

import hmac
import json
import secrets
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import structlog

from paas.domain.errors import LeaseLost
from paas.engine.attempt import Attempt
from paas.store import guests

log = structlog.get_logger(__name__)

USER = "terraform"
LARGEST = 64 * 1024 * 1024


@dataclass(frozen=True)
class Backend:
    """Where Terraform finds its state."""

    address: str
    username: str
    password: str


class StateKeeper:
    """Reads and writes the state of one guest within one attempt."""

    def __init__(self, attempt: Attempt, guest_id: int) -> None:
        self._attempt, self._guest_id = attempt, guest_id

    def read(self) -> bytes | None:
        """The newest version, opened."""
        store = self._attempt.platform.store
        with store.read() as session:
            sealed = guests.latest_state(session, self._guest_id)
        return store.vault.open(sealed) if sealed else None

    def write(self, body: bytes) -> None:
        """Add a version; raises ``LeaseLost`` under a stale epoch."""
        sealed = self._attempt.platform.store.vault.seal(body)
        with self._attempt.write() as session:
            guests.add_state(session, self._guest_id, self._attempt.held.epoch, sealed)

    def forget(self) -> None:
        """Drop all versions, when what they speak of is proved gone."""
        with self._attempt.write() as session:
            guests.forget_states(session, self._guest_id)

    def holds_resources(self) -> bool:
        """Whether Terraform knows of anything it made."""
        body = self.read()
        return bool(body and json.loads(body).get("resources"))

    def is_tainted(self) -> bool:
        """Whether a create failed halfway: the next plan would replace what is there."""
        body = self.read()
        resources = json.loads(body).get("resources", []) if body else []
        return any(
            instance.get("status") == "tainted"
            for resource in resources
            for instance in resource.get("instances", [])
        )


@contextmanager
def serve(keeper: StateKeeper) -> Iterator[Backend]:
    """Serve the guest's state within the block."""
    password = secrets.token_urlsafe(24)
    expected = "Basic " + b64encode(f"{USER}:{password}".encode()).decode()

    class Handler(_Handler):
        authorization = expected
        state = keeper

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True)
    thread.start()
    try:
        yield Backend(f"http://127.0.0.1:{server.server_port}/state", USER, password)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    authorization: str
    state: StateKeeper

    def do_GET(self) -> None:
        if self._admitted():
            body = self.state.read()
            self._answer(200, body) if body else self._answer(204)

    def do_POST(self) -> None:
        body = self._body()
        if body is None or not self._admitted():
            return
        try:
            self.state.write(body)
        except LeaseLost as error:
            log.warning("a stale Terraform tried to write its state", reason=error.message)
            self._answer(409)
        else:
            self._answer(200)

    def do_LOCK(self) -> None:
        # The operation's lease is the lock: nobody else can serve this state meanwhile.
        self._body()
        if self._admitted():
            self._answer(200)

    do_UNLOCK = do_LOCK  # noqa: N815 - The name is the protocol's verb.

    def _body(self) -> bytes | None:
        length = int(self.headers.get("Content-Length", "0"))
        if length > LARGEST:
            self._answer(413)
            return None
        return self.rfile.read(length)

    def _admitted(self) -> bool:
        given = self.headers.get("Authorization", "")
        if hmac.compare_digest(given.encode(), self.authorization.encode()):
            return True
        self._answer(401)
        return False

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - As in the parent.
        """Say nothing: the operation's log is not for requests."""
