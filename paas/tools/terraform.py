"""Run Terraform for one guest: prepare, plan, look at the plan, apply exactly that plan."""

import fcntl
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn, Protocol

import python_terraform
from python_terraform import IsFlagged

from paas.tools.process import Bench
from paas.tools.terraform_binary import Binary, find_terraform
from paas.tools.terraform_output import Applied, Change, Plan, Reader, TerraformFailed, check_plan
from paas.tools.terraform_providers import LOCK_FILE, Sources, write_whole
from paas.tools.terraform_state import addresses
from paas.tools.terraform_workspace import Workspace

__all__ = [
    "Applied",
    "Backend",
    "Binary",
    "Change",
    "Plan",
    "Terraform",
    "TerraformFailed",
    "Workspace",
    "check_plan",
    "find_terraform",
    "take_errored_state",
]

PLAN_FILE = "plan"
ERRORED_STATE = "errored.tfstate"


class Backend(Protocol):
    """The server of the guest's state."""

    @property
    def address(self) -> str: ...
    @property
    def username(self) -> str: ...
    @property
    def password(self) -> str: ...


class Terraform(python_terraform.Terraform):  # type: ignore[misc]
    """Terraform in one workspace. ``shared`` keeps what an init makes, for all guests alike.

    ``backend`` None means a state in the workspace itself. No call ever signals a running
    Terraform: only the bench's deadline or leash ends it, by the guard.
    """

    def __init__(
        self,
        binary: Binary,
        workspace: Workspace,
        bench: Bench,
        backend: Backend | None,
        shared: Path,
        *,
        providers: Mapping[str, str] | None = None,
        mirror: str = "",
    ) -> None:
        """``providers`` is what the configuration's providers find in their environment.

        ``mirror`` is a folder that they are taken from; empty: the machine's own way.
        """
        super().__init__(
            working_dir=str(workspace.folder),
            terraform_bin_path=str(binary.path),
            is_env_vars_included=False,
        )
        self._binary = binary
        self._workspace = workspace
        self._bench = bench
        self._backend = backend
        self._shared = shared
        self._providers = dict(providers or {})
        self._sources = Sources(shared, mirror, workspace.providers, binary.product)

    def __getattr__(self, item: str) -> NoReturn:
        """The library turns every unknown name into a command; here a slip is an error."""
        raise AttributeError(item)

    def cmd(self, cmd: str, *args: Any, **kwargs: Any) -> NoReturn:
        """The library's own way of running is shut: it knows neither guard nor deadline."""
        raise NotImplementedError(f"terraform {cmd} must run under the guard")

    # Commands, built without running anything.

    def init_command(self, *, locked: bool = False, upgrade: bool = False) -> list[str]:
        """Load modules and providers; ``locked`` takes none but the lock's."""
        flags: dict[str, Any] = {"lockfile": "readonly"} if locked else {}
        if upgrade:
            flags["upgrade"] = IsFlagged
        return self._build("init", input=False, no_color=IsFlagged, **flags)

    def plan_command(self, *, destroy: bool = False) -> list[str]:
        """Write a plan, as JSON lines, to the plan file."""
        flags = {"destroy": IsFlagged} if destroy else {}
        return self._build("plan", json=IsFlagged, input=False, out=PLAN_FILE, **flags)

    def import_command(self, address: str, identifier: str) -> list[str]:
        """Write into the state what is there already."""
        return self._build("import", address, identifier, input=False, no_color=IsFlagged)

    def apply_command(self) -> list[str]:
        """Carry out exactly the saved plan."""
        return self._build("apply", PLAN_FILE, json=IsFlagged, input=False)

    def _build(self, command: str, *arguments: str, **options: Any) -> list[str]:
        # The library's name says string, its result is a list.
        return list(self.generate_cmd_string(command, *arguments, **options))

    # Running.

    def prepare(self) -> Path:
        """Run init once per configuration and version, whoever comes first; returns its folder."""
        ready = self._ready()
        if not ready.is_dir():
            with self._alone(ready.name):
                ready = self._ready()
                if not ready.is_dir():
                    ready = self._init()
        if (ready / LOCK_FILE).exists():
            shutil.copyfile(ready / LOCK_FILE, self._workspace.folder / LOCK_FILE)
        return ready

    def _ready(self) -> Path:
        version = f"{self._binary.product}-{self._binary.version}".lower()
        name = f"{self._workspace.digest}-{version}{self._sources.generation}"
        return self._shared / name

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """One process at a time; with providers one of all, since they have one lock."""
        self._shared.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = self._sources.lock.name if self._workspace.providers else name
        with (self._shared / f"{name}.lock").open("w") as lock:
            self._bench.wait_for_lock(lock.fileno())
            yield
            fcntl.flock(lock, fcntl.LOCK_UN)

    def _init(self) -> Path:
        half = self._shared / f"{self._workspace.digest}.new"
        found = self._workspace.folder / LOCK_FILE
        locked = bool(self._workspace.providers) and self._sources.lock.is_file()
        if locked:
            shutil.copyfile(self._sources.lock, found)
        self._run_init(half, self.init_command(locked=locked))
        if found.exists():
            shutil.copyfile(found, half / LOCK_FILE)
            if self._workspace.providers and not locked:
                write_whole(self._sources.lock, found.read_bytes())
        ready = self._ready()
        half.replace(ready)
        return ready

    def upgrade(self) -> bool:
        """Lock the providers anew, as they come now; True when that was a change."""
        half = self._shared / f"{self._workspace.digest}.upgrade"
        found = self._workspace.folder / LOCK_FILE
        with self._alone(half.name):
            before = self._sources.generation
            found.unlink(missing_ok=True)
            try:
                self._run_init(half, self.init_command(upgrade=True), TF_PLUGIN_CACHE_DIR="")
            finally:
                shutil.rmtree(half)
            write_whole(self._sources.lock, found.read_bytes())
        return self._sources.generation != before

    def _run_init(self, data: Path, argv: list[str], **extra: str) -> None:
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(mode=0o700)
        with _empty_state() as address:
            # What providers are given closes the way to a registry, where it names an authority.
            environment = self._environment(data) | {"TF_HTTP_ADDRESS": address} | extra
            try:
                self._run(argv, environment, "prepare its modules and providers")
            except TerraformFailed as error:
                if error.was_killed or not self._workspace.providers:
                    raise
                raise self._sources.failure(error.message, error.detail) from error

    def take_in(self, found: Mapping[str, str], state: bytes | None = None) -> None:
        """Import what is there (identifiers by addresses in the configuration), but not what the
        ``state`` has already."""
        missing = {name: where for name, where in found.items() if name not in addresses(state)}
        if not missing:
            return
        environment = self._running(self.prepare())
        for address, identifier in missing.items():
            argv = self.import_command(address, identifier)
            self._run(argv, environment, f"take {identifier} into its state")

    def plan(self, *, destroy: bool = False) -> Plan:
        """Plan and keep the plan for ``apply``."""
        environment = self._running(self.prepare())
        what = "plan the guest's removal" if destroy else "plan the guest"
        return self._run(self.plan_command(destroy=destroy), environment, what).plan()

    def apply(self) -> Applied:
        """Carry out the plan that ``plan`` left; raises ``TerraformFailed`` with its reasons."""
        environment = self._running(self.prepare())
        return Applied(self._run(self.apply_command(), environment, "apply the plan").outputs)

    def _run(self, argv: list[str], environment: dict[str, str], what: str) -> Reader:
        reader = Reader(lambda line: self._bench.log("terraform", line))
        folder = self._workspace.folder
        command = self._bench.command(argv, cwd=folder, name="Terraform", extra=environment)
        command = replace(command, uninterruptible=True)
        ended = self._bench.run(command, on_line=reader.read, on_error=reader.read_plain)
        if ended.code != 0:
            message, detail = reader.failure(what)
            raise TerraformFailed(
                message,
                detail=detail,
                errored_state=take_errored_state(folder),
                was_killed=reader.was_killed(ended.code),
            )
        return reader

    def _environment(self, data: Path) -> dict[str, str]:
        plugins = self._shared / "plugins"
        plugins.mkdir(mode=0o700, parents=True, exist_ok=True)
        environment = {
            "TF_DATA_DIR": str(data),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "TF_PLUGIN_CACHE_DIR": str(plugins),
            "CHECKPOINT_DISABLE": "1",
        }
        own = self._sources.config()
        config = str(own or self._bench.environment.get("TF_CLI_CONFIG_FILE", ""))
        if config and os.access(config, os.R_OK):
            environment["TF_CLI_CONFIG_FILE"] = config
        return environment | self._backend_environment()

    def _running(self, data: Path) -> dict[str, str]:
        """For what asks the providers for more than their schema."""
        return self._environment(data) | self._providers

    def _backend_environment(self) -> dict[str, str]:
        if self._backend is None:
            return {}
        address = self._backend.address
        return {
            "TF_HTTP_ADDRESS": address,
            "TF_HTTP_LOCK_ADDRESS": address,
            "TF_HTTP_UNLOCK_ADDRESS": address,
            "TF_HTTP_LOCK_METHOD": "LOCK",
            "TF_HTTP_UNLOCK_METHOD": "UNLOCK",
            "TF_HTTP_USERNAME": self._backend.username,
            "TF_HTTP_PASSWORD": self._backend.password,
        }


def take_errored_state(folder: Path) -> bytes | None:
    """The state that Terraform could not store, once: the file is removed."""
    path = folder / ERRORED_STATE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    path.unlink()
    return content


@contextmanager
def _empty_state() -> Iterator[str]:
    """A server without any state: init asks for one, though it prepares for all guests."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _NoState)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


class _NoState(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing is printed: the platform has its own log."""
