"""A platform that runs as a user runs it: `paas run` in a process of its own."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import redis
import requests

from paas.tools import redis_server

DEADLINE = 120.0
RUN = "import sys; from paas.cli import main; sys.argv[1:] = ['run']; main()"
PASSED_ON = (
    "PATH",
    "HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(found: Callable[[], Any], what: str, deadline: float = DEADLINE) -> Any:
    """The first true answer; fails with ``what`` was waited for."""
    end = time.monotonic() + deadline
    while True:
        answer = found()
        if answer:
            return answer
        assert time.monotonic() < end, f"waited {deadline:.0f} s in vain for {what}"
        time.sleep(0.02)


def comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _end_with_the_tests() -> None:
    """Ask the kernel to end this process when the test's process is gone."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Running:
    """An instance and the `paas run` that serves it; may be ended and started again.

    ``patience`` is how many seconds an operation may take, ``program`` what Python runs.
    """

    patience = DEADLINE
    program = RUN

    def __init__(self, instance: Path, mirror: Path, **settings: str) -> None:
        self.instance = instance
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = instance.parent / "output"
        self._environment = {
            **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
            "PAAS_INSTANCE": str(instance),
            "PAAS_PORT": str(self.port),
            "PAAS_GIT_MIRROR": str(mirror),
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Running":
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", self.program],
                env=self._environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_end_with_the_tests,
            )
        until(self.answers, f"/health; the platform said: {self.said()[-2000:]}")
        return self

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"`paas run` ended: {self.said()[-4000:]}"
        try:
            return requests.get(f"{self.url}/health", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(DEADLINE)

    # What the API says.

    def deploy(self, body: Mapping[str, object]) -> str:
        answer = requests.post(
            f"{self.url}/api/deploy", json=body, timeout=30, headers={"Prefer": "respond-async"}
        )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["deployment"]["id"])

    def delete(self, app_id: str) -> None:
        answer = requests.delete(
            f"{self.url}/api/deployments/{app_id}", timeout=30, headers={"Prefer": "respond-async"}
        )
        assert answer.status_code in (200, 202), answer.text

    def get(self, app_id: str) -> dict[str, Any]:
        """The deployment, or nothing while the platform does not answer."""
        try:
            answer = requests.get(f"{self.url}/api/deployments/{app_id}", timeout=10)
        except requests.RequestException:
            return {}
        found: dict[str, Any] = answer.json().get("deployment", {})
        return found

    def ends(self, app_id: str, *states: str) -> dict[str, Any]:
        """The deployment when it has come to rest in one of the states."""

        def settled() -> dict[str, Any] | None:
            found = self.get(app_id)
            calm = found and found["status"] in states and not found["operation"]
            return found if calm else None

        try:
            result: dict[str, Any] = until(
                settled, f"{app_id} to be {' or '.join(states)}", self.patience
            )
        except AssertionError:
            raise AssertionError(
                f"{self.get(app_id)}\n{self.text(app_id)}\n{self.said()[-4000:]}"
            ) from None
        return result

    def text(self, app_id: str) -> str:
        return str(requests.get(f"{self.url}/api/deployments/{app_id}/logs", timeout=10).json())

    def wipe_redis(self) -> None:
        """Empty the embedded Redis: the queue, and what its workers wrote there."""
        path = redis_server.socket_path(self.instance)
        with redis.Redis(unix_socket_path=str(path)) as server:
            server.flushall()

    # What the machine says.

    def processes(self) -> Iterator[tuple[int, str]]:
        """Every living process that belongs to this instance: its id and command line."""
        marks = (os.fsencode(self.instance), f"PAAS_PORT={self.port}".encode())
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit() or int(folder.name) == os.getpid():
                continue
            try:
                line = (folder / "cmdline").read_bytes()
                environment = (folder / "environ").read_bytes()
                where = os.fsencode((folder / "cwd").readlink())
            except OSError:
                continue
            if line and any(m in line or m in environment or m in where for m in marks):
                yield int(folder.name), line.replace(b"\0", b" ").decode(errors="replace")
