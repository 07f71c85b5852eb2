"""Target ``local``: guests on this very machine, each a folder, an address, a supervisor."""

import os
import socket
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from paas.domain.errors import ForeignGuest, StepFailed, StepInterrupted
from paas.domain.specs import BuildPlan, GuestSpec, ReleaseSpec
from paas.targets.contract import (
    Connection,
    Contact,
    Health,
    Machine,
    Place,
    Presence,
    Reserved,
    RuntimeLine,
    Wanted,
)
from paas.targets.local import host, places, runtime_log, runtimes, surroundings
from paas.targets.local.extras import WithoutMachine
from paas.targets.local.running import Run
from paas.targets.local.sandbox import control, layout, removal

PROGRAM = Path(__file__).resolve().parent / "guest.py"
MODULE = Path(__file__).resolve().parents[3] / "terraform" / "local"
PLAYBOOK = Path(__file__).resolve().parents[3] / "ansible" / "deploy.yml"
VMIDS = range(100_000, 1_000_000_000)
FRAMEWORKS = Path(__file__).resolve().parents[3] / "frameworks"
# What start commands of the catalogue run, by the variable that names it inside a guest.
HELPERS = {
    "PAAS_STATIC_SERVER": FRAMEWORKS / "static_server.py",
    "PAAS_PHP_ROUTER": FRAMEWORKS / "php_router.php",
}
POLL = 0.05
HEALTH_PATIENCE = 30.0
LONG_PATIENCE = 90.0


class LocalTarget(WithoutMachine):
    """Implements ``paas.targets.contract.Target``."""

    name = "local"
    module = MODULE
    playbook = PLAYBOOK
    vmids = VMIDS

    def __init__(
        self,
        instance: Path,
        installation: str,
        network: str,
        *,
        frameworks: Mapping[str, str],
        environment: Mapping[str, str],
        run: Run,
        uv: Path,
    ) -> None:
        """``frameworks`` maps each framework to its runtime. ``environment`` is the platform's,
        of which guests see what ``surroundings`` lets through. ``uv`` is that program's path."""
        self._instance = instance
        self._installation = installation
        self._network = network
        self._frameworks = frameworks
        self._environment = environment
        self._run = run
        self._uv = uv
        self._has_users = os.geteuid() == 0
        self.runtimes = runtimes.Runtimes(
            run, environment, instance / "runtimes", uv, is_shared=self._has_users
        )

    def folder(self, guest: GuestSpec) -> Path:
        """The guest's folder in the instance."""
        return self._instance / "guests" / guest.uuid

    def refusals(self, framework: str) -> list[str]:
        runtime = self._frameworks.get(framework, framework)
        return [] if self.runtimes.find(runtime) else [runtimes.missing(framework, runtime)]

    def plan_refusals(self, plan: BuildPlan) -> list[str]:
        runtime, reason = self.runtimes.ensure(plan.runtime, plan.runtime_version)
        refused = []
        if runtime is None and plan.runtime_version is not None:
            present = self.runtimes.find(plan.runtime)
            refused.append(
                runtimes.mismatch(plan.runtime, plan.runtime_version, present, reason)
                if present
                else runtimes.missing(plan.framework, plan.runtime)
            )
        elif runtime is None:
            refused.append(runtimes.missing(plan.framework, plan.runtime))
        else:
            refused += self._missing_programs(plan, Path(runtime.program).parent)
        return refused

    def _missing_programs(self, plan: BuildPlan, folder: Path) -> list[str]:
        names = dict.fromkeys(argv[0] for argv in plan.install if argv)
        return [
            f"Installing {plan.framework} needs the program {name}, and this machine has none "
            f"that its guests may run. Install {name}."
            for name in names
            if "/" not in name
            and "{" not in name
            and name != self._uv.name
            and not self.runtimes.is_usable(folder / name)
            and not self.runtimes.program(name)
        ]

    def machines(self) -> Sequence[Machine]:
        return (host.machine(self._instance / "guests"),)

    def place(self, wanted: Wanted, reserved: Sequence[Reserved], survey: object) -> Place:  # noqa: ARG002
        here = socket.gethostname()
        if here in wanted.without:
            raise StepFailed(
                f"This machine ({here}) takes no new apps: an administrator removed it as a "
                "worker. Add it again by its name"
            )
        taken = frozenset(one.address for one in reserved)
        address = places.choose(self._network, self._installation, wanted.index, wanted.port, taken)
        return Place(endpoint="local", node=here, address=address)

    def _uid(self, guest: GuestSpec) -> int:
        return places.uid(self._installation, guest.vmid) if self._has_users else os.getuid()

    def values(self, guest: GuestSpec) -> Mapping[str, object]:
        return {
            "guest_id": guest.uuid,
            "marker": guest.marker,
            "incarnation": guest.incarnation,
            "folder": str(self.folder(guest)),
            "hostname": guest.hostname,
            "address": guest.address,
            "port": guest.port,
            "cores": guest.resources.cores,
            "memory": guest.resources.memory,
            "disk": guest.resources.disk,
            "uid": self._uid(guest),
            "python": sys.executable,
            "program": str(PROGRAM),
        }

    def observe(self, guest: GuestSpec) -> Presence:
        folder = self.folder(guest)
        if not folder.exists() and not folder.is_symlink():
            return Presence.ABSENT
        try:
            found = layout.load(folder)
        except layout.GuestError:
            return Presence.FOREIGN
        return Presence.OURS if found.marker == guest.marker else Presence.FOREIGN

    def remove(self, guest: GuestSpec) -> None:
        given = {"FOLDER": str(self.folder(guest)), "MARKER": guest.marker}
        environment = {f"PAAS_GUEST_{name}": value for name, value in given.items()}
        code, output = self._run(self._program("destroy"), environment)
        if code == layout.FOREIGN:
            raise ForeignGuest(output.strip())
        if code != 0:
            raise StepInterrupted(f"The guest {guest.hostname} could not be removed: {output}")

    def _program(self, *words: str) -> list[str]:
        return [sys.executable, "-I", "-S", str(PROGRAM), *words]

    def connection(self, guest: GuestSpec) -> Connection:  # noqa: ARG002 (this machine)
        return Connection(
            {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        )

    def wait_ready(self, guest: GuestSpec, deadline: float) -> Contact:
        end = time.monotonic() + deadline
        self._furnish(guest)
        while True:
            try:
                control.ask(self.folder(guest), "status", timeout=5.0)
                break
            except control.Unreachable as error:
                if time.monotonic() > end:
                    raise StepInterrupted(
                        f"The guest {guest.hostname} cannot be configured. {error}"
                    ) from None
            if not self.revive(guest):
                time.sleep(POLL)
        self._resize(guest)
        return Contact()

    def _furnish(self, guest: GuestSpec) -> None:
        """Give the guest what every process in it is started with."""
        present = self._load(guest)
        cache = present.home / "cache" if self._has_users else self._instance / "cache"
        tools = self._instance / "bin"
        given = [p for p in (self._uv, *HELPERS.values()) if p.is_file()]
        surroundings.provide(tools, given, is_shared=self._has_users)
        if not self._has_users:
            cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        variables = {
            **surroundings.environment(self._environment, cache, is_shared=self._has_users),
            **{name: str(tools / path.name) for name, path in HELPERS.items()},
        }
        layout.write_json(
            layout.platform_file(present.folder), {"path": [str(tools)], "environment": variables}
        )

    def _load(self, guest: GuestSpec) -> layout.Guest:
        try:
            return layout.load(self.folder(guest))
        except layout.GuestError as error:
            raise StepFailed(f"The guest {guest.hostname} is not there: {error}") from None

    def _resize(self, guest: GuestSpec) -> None:
        present, wanted = self._load(guest), guest.resources
        if (present.cores, present.memory, present.disk) != (
            wanted.cores,
            wanted.memory,
            wanted.disk,
        ):
            values = {"cores": wanted.cores, "memory": wanted.memory, "disk": wanted.disk}
            self._ask(guest, "resize", **values)

    def variables(self, guest: GuestSpec, release: ReleaseSpec) -> Mapping[str, object]:
        plan = release.plan
        runtime = self.runtimes.choose(plan.runtime, plan.runtime_version)
        if runtime is None:
            raise StepFailed(runtimes.missing(plan.framework, plan.runtime))
        folder = self.folder(guest)
        home, number = folder / "home", release.number
        source = home / "releases" / str(number)
        given = ["--guest", str(folder), "--release", str(number), "--runtime", runtime.program]
        if plan.dependencies_hash:
            given += ["--dependencies", plan.dependencies_hash]
        uid = self._uid(guest)
        return {
            "paas_exec": self._program("exec", *given, "--"),
            "paas_start": self._program("start-release", *given),
            "paas_archive": release.archive,
            "paas_release_number": number,
            "paas_release_folder": str(source),
            "paas_app_folder": str(source / _inside(plan.root)),
            "paas_env_file": str(home / "releases" / f"{number}.env.json"),
            "paas_dependencies_folder": str(home / "dependencies" / plan.dependencies_hash),
            "paas_data_folder": str(home / "data"),
            "paas_owner_uid": uid,
            "paas_owner_gid": uid if self._has_users else os.getgid(),
            "paas_runtime_program": runtime.program,
        }

    def health(self, guest: GuestSpec, release: ReleaseSpec) -> Health:
        values = {"release": release.number, "path": release.plan.health_path}
        try:
            found = control.ask(self.folder(guest), "health", values, timeout=HEALTH_PATIENCE)
        except layout.GuestError as error:
            return Health(ready=False, reason=str(error))
        except control.Unreachable as error:
            self.revive(guest)
            return Health(ready=False, reason=str(error))
        return Health(bool(found["ready"]), str(found["reason"]), bool(found["fatal"]))

    def switch(self, guest: GuestSpec, release: ReleaseSpec) -> None:
        self._ask(guest, "switch", release=release.number)

    def serves(self, guest: GuestSpec) -> int | None:
        current = self._ask(guest, "status")["current"]
        return current if isinstance(current, int) else None

    def retire(self, guest: GuestSpec, release: ReleaseSpec) -> None:
        if self.observe(guest) is Presence.ABSENT:
            return
        self._ask(guest, "retire", release=release.number)
        removal.remove_release(self._load(guest), release.number)

    def tidy(self, guest: GuestSpec, kept: Collection[ReleaseSpec]) -> None:
        if self.observe(guest) is Presence.OURS:
            hashes = {release.plan.dependencies_hash for release in kept}
            removal.remove_dependencies(self._load(guest), hashes)

    def stop(self, guest: GuestSpec) -> None:
        self._ask(guest, "stop")

    def shutdown(self, guest: GuestSpec, seconds: float) -> None:  # noqa: ARG002
        self._ask(guest, "stop")

    def start(self, guest: GuestSpec) -> None:
        self._ask(guest, "start")

    def restart(self, guest: GuestSpec) -> None:
        self._ask(guest, "stop")
        self._ask(guest, "start")

    def _ask(self, guest: GuestSpec, verb: str, **values: object) -> dict[str, object]:
        """Ask the supervisor; one that has died is revived once."""
        folder = self._load(guest).folder
        try:
            try:
                return control.ask(folder, verb, values, timeout=LONG_PATIENCE)
            except control.Unreachable:
                self.revive(guest)
                return control.ask(folder, verb, values, timeout=LONG_PATIENCE)
        except control.Unreachable as error:
            raise StepInterrupted(f"The guest {guest.hostname} cannot {verb}. {error}") from None
        except layout.GuestError as error:
            raise StepFailed(f"The guest {guest.hostname} refuses to {verb}: {error}") from None

    def revive(self, guest: GuestSpec) -> bool:
        presence = self.observe(guest)
        if presence is Presence.ABSENT:
            return False
        if presence is Presence.FOREIGN:
            raise ForeignGuest(f"{self.folder(guest)} is not a guest of this installation.")
        code, output = self._run(self._program("revive", "--guest", str(self.folder(guest))), {})
        if code != 0:
            raise StepFailed(f"The guest {guest.hostname} cannot be revived: {output.strip()}")
        return '"revived": true' in output

    def runtime_log(
        self, guest: GuestSpec, *, limit: int, since: str = "", search: str = ""
    ) -> Iterator[RuntimeLine]:
        return runtime_log.tail(self.folder(guest), limit, since=since, search=search)


def _inside(root: str) -> PurePosixPath:
    """The app's folder inside the source, which must not lead out of it."""
    path = PurePosixPath(root)
    if path.is_absolute() or ".." in path.parts:
        raise StepFailed(f"The app's folder {root!r} is not inside the repository.")
    return path
