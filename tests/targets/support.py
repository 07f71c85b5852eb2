"""What the tests of local guests share: making guests and releases, waiting for events."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from uuid import uuid4

from paas.domain.specs import GuestSpec, ReleaseSpec, Resources
from paas.domain.states import GuestType
from paas.targets.local.sandbox import control
from paas.targets.local.target import LocalTarget
from tests.factories import build_plan, wanted

PATIENCE = 60.0
_numbers = count(1)

APP = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.lstrip("/")
        status = int(path) if path.isdigit() else 200
        body = os.environ.get("SAY", "hello").encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
print("listening", flush=True)
where = (os.environ.get("BIND", "127.0.0.1"), int(os.environ["PORT"]))
http.server.ThreadingHTTPServer(where, Handler).serve_forever()
"""
START = "exec python3 app.py"


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Return when the condition holds; fail when it does not within the patience."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)


def guest_spec(target: LocalTarget, installation: str, **changes: object) -> GuestSpec:
    """A guest with a place of its own on this machine."""
    uuid, index = str(uuid4()), next(_numbers)
    place = target.place(wanted(index), (), None)
    guest = GuestSpec(
        uuid=uuid,
        marker=f"{installation}/{uuid}",
        target="local",
        endpoint=place.endpoint,
        node=place.node,
        vmid=index,
        incarnation=1,
        hostname=f"shop-{index}",
        address=place.address,
        port=8000,
        resources=Resources(1, 256, 5),
        guest_type=GuestType.LXC,
    )
    return replace(guest, **changes)  # type: ignore[arg-type]


def variables(target: LocalTarget, guest: GuestSpec) -> dict[str, str]:
    """The environment that the Terraform module gives to the guest program."""
    values = dict(target.values(guest))
    values["uuid"] = values.pop("guest_id")
    for name in ("python", "program", "incarnation"):
        del values[name]
    return {f"PAAS_GUEST_{name.upper()}": str(value) for name, value in values.items()}


def run(argv: list[str], env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, env=dict(env or {}), capture_output=True, text=True, check=False)


def create(target: LocalTarget, guest: GuestSpec) -> None:
    """Make the guest as the module would, and furnish it as the engine does."""
    values = target.values(guest)
    program = [str(values["python"]), "-I", "-S", str(values["program"]), "create"]
    done = run(program, variables(target, guest))
    assert done.returncode == 0, done.stderr
    target.wait_ready(guest, PATIENCE)


def release_spec(number: int = 1, **changes: object) -> ReleaseSpec:
    plan = build_plan(runtime="python", framework="flask", dependencies_hash="", **changes)
    return ReleaseSpec(str(uuid4()), number, "0" * 40, "/nonexistent.tar.gz", plan, {})


def put_release(
    target: LocalTarget,
    guest: GuestSpec,
    release: ReleaseSpec,
    *,
    start: str = START,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Write what the playbook would."""
    given = target.variables(guest, release)
    folder = Path(str(given["paas_release_folder"]))
    folder.mkdir(exist_ok=True)
    (folder / "app.py").write_text(APP)
    config = Path(str(given["paas_env_file"]))
    config.write_text(json.dumps({"environment": dict(environment or {}), "start": start}))
    if os.geteuid() == 0:
        for path in (folder, folder / "app.py", config):
            os.chown(path, int(str(given["paas_owner_uid"])), int(str(given["paas_owner_gid"])))


def start_release(target: LocalTarget, guest: GuestSpec, release: ReleaseSpec) -> int:
    """Run the release beside the current one; its private port."""
    argv = target.variables(guest, release)["paas_start"]
    assert isinstance(argv, list)
    done = run(argv)
    assert done.returncode == 0, done.stderr
    return int(json.loads(done.stdout)["port"])


def wait_healthy(target: LocalTarget, guest: GuestSpec, release: ReleaseSpec) -> None:
    end = time.monotonic() + PATIENCE
    while not (health := target.health(guest, release)).ready:
        assert time.monotonic() < end, health.reason
        assert not health.fatal, health.reason
        time.sleep(0.02)


def serve(
    target: LocalTarget,
    guest: GuestSpec,
    number: int = 1,
    *,
    start: str = START,
    environment: Mapping[str, str] | None = None,
) -> ReleaseSpec:
    """Bring a release live, as a deployment does."""
    release = release_spec(number)
    put_release(target, guest, release, start=start, environment=environment)
    start_release(target, guest, release)
    wait_healthy(target, guest, release)
    target.switch(guest, release)
    return release


def get(guest: GuestSpec, path: str = "/") -> str | None:
    """What the app answers at the guest's address; None when nothing answers."""
    try:
        with urllib.request.urlopen(
            f"http://{guest.address}:{guest.port}{path}", timeout=30
        ) as answer:
            return str(answer.read().decode())
    except (urllib.error.URLError, ConnectionError):
        return None


def status(target: LocalTarget, guest: GuestSpec) -> dict[str, object]:
    return control.ask(target.folder(guest), "status")


def one(target: LocalTarget, guest: GuestSpec, number: int = 1) -> dict[str, object]:
    """The status of one release."""
    releases = status(target, guest)["releases"]
    assert isinstance(releases, dict)
    found = releases[str(number)]
    assert isinstance(found, dict)
    return found


def processes(target: LocalTarget, guest: GuestSpec, number: int = 1) -> list[int]:
    found = one(target, guest, number)["processes"]
    assert isinstance(found, list)
    return found


def log(target: LocalTarget, guest: GuestSpec) -> list[str]:
    return [line.text for line in target.runtime_log(guest, limit=1000)]


def is_running(pid: int) -> bool:
    """Whether the process exists and is not merely waiting to be collected."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def supervisor(target: LocalTarget, guest: GuestSpec) -> int:
    return int((target.folder(guest) / "supervisor.pid").read_text())
