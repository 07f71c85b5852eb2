"""Install a release with Ansible, through ansible-runner, in a process that has both loaded."""

import json
import shlex
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from paas.domain.errors import PaasError, StepFailed, StepInterrupted, Unreachable
from paas.domain.specs import BuildPlan
from paas.tools.ansible_events import Reader
from paas.tools.ansible_loaded import GO, Forked, Loaded
from paas.tools.guarded import MARK, POLL
from paas.tools.process import Bench, Command, Exit, Guarded, clean_environment

PLAYBOOK = Path(__file__).resolve().parents[2] / "ansible" / "deploy.yml"
HOST = "guest"
PERSIST = "ControlPersist=60s"
# How ansible-playbook ends when a host could not be reached, or when it cannot read its files.
UNREACHABLE = 4
# How it, or a process of its own, ends when somebody or the kernel kills it.
KILLED = 128 + signal.SIGKILL
DEAD_WORKER = "A worker was found in a dead state"
# A busy machine needs some seconds to load Ansible.
BEGIN_SECONDS = 120.0


class Connection(Protocol):
    """How Ansible reaches the guest: host variables, trusted values only.

    ``files`` are secrets by name; ``{folder}`` in a variable is the folder that they lie in.
    """

    @property
    def variables(self) -> Mapping[str, str]: ...
    @property
    def files(self) -> Mapping[str, str]: ...


class Playbook:
    """Ansible, started early: it waits until ``run`` gives it the variables.

    The folder is the attempt's own; it is removed at the end, with all that Ansible wrote.
    """

    def __init__(self, bench: Bench, folder: Path, playbook: Path) -> None:
        self._bench = bench
        self._folder = folder
        self._own: Loaded | None = None
        self._known: Connection | None = None
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        for place in (folder, *(folder / name for name in ("env", "tmp", "control"))):
            place.mkdir(mode=0o700)
        (folder / "ansible.cfg").write_text("[defaults]\n")
        extra = environment(folder)
        argv = [str(folder), str(playbook)]
        command = bench.command(argv, cwd=folder, name="Ansible", extra=extra)
        self._guarded = Guarded(command, bench.leash, start=self._begin)

    def _begin(self, command: Command, line: int, seconds: float) -> Forked:
        """Ask who has Ansible loaded; when nobody has, a process of this play's own."""
        if self._bench.loaded is not None:
            try:
                self._forked = self._bench.loaded.begin(command, line, seconds)
            except OSError:
                self._bench.log("ansible", "Ansible is not loaded; it is loaded for this play")
            else:
                return self._forked
        base = clean_environment(self._bench.environment, {MARK: command.mark})
        try:
            self._own = Loaded.start(base, self._folder)
            self._forked = self._own.begin(command, line, seconds)
        except OSError as error:
            self._end_own()
            raise StepFailed("Ansible could not be started", detail=str(error)) from error
        return self._forked

    @classmethod
    def start_early(cls, bench: Bench, folder: Path, *, playbook: Path = PLAYBOOK) -> "Playbook":
        """Start Ansible now, while other work goes on; then ``run`` or ``discard`` it."""
        return cls(bench, folder, playbook)

    def meet(self, connection: Connection) -> None:
        """Begin to connect to the guest while other work goes on; where SSH does not lead to it,
        there is nothing to do.

        What goes wrong here goes wrong again for the play, which tells of it.
        """
        if connection != self._known:
            host = self._write_host(connection)
            if host.get("ansible_connection") == "ssh":
                self._guarded.send(json.dumps(_master(host)))

    def run(self, extravars: Mapping[str, object], connection: Connection) -> Exit:
        """Play with these variables; raises ``StepFailed`` with the task and its reason.

        ``Unreachable`` when the guest does not answer: the play may run again.
        """
        reader = Reader(lambda line: self._bench.log("ansible", line))
        try:
            self._write(extravars, connection)
            self._wait_begun()
            self._guarded.send(GO)
            ended = self._guarded.wait(
                on_line=reader.read,
                on_error=reader.read_plain,
                deadline=self._bench.deadline,
                stop=self._bench.stop,
            )
        finally:
            self.discard()
        if ended.code != 0:
            message, detail = reader.failure()
            kind = _kind_of(ended.code, detail, is_unreachable=reader.is_unreachable)
            raise kind(message, detail=detail)
        return ended

    def discard(self) -> None:
        """End Ansible, if it lives, and remove its folder; idempotent."""
        self._end_own()
        self._guarded.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end_own(self) -> None:
        if self._own is not None:
            self._own.end()
            self._own = None

    def _wait_begun(self) -> None:
        """Who has Ansible loaded may be gone, and be started again meanwhile."""
        end = time.monotonic() + BEGIN_SECONDS
        with self._bench.leash.waiting():
            while not self._forked.has_begun(POLL):
                if self._bench.stop and (reason := self._bench.stop()):
                    raise reason
                if time.monotonic() > end:
                    raise StepInterrupted(
                        f"Ansible could not be started within {BEGIN_SECONDS:.0f} s; the "
                        "platform's log says what became of the process that loads it"
                    )

    def _write_host(self, connection: Connection) -> dict[str, str]:
        """Write the connection's files; the host's variables, which say where those lie."""
        place = {"{folder}": str(self._folder)}
        if connection != self._known:
            # Once: a program that opens the connection may be reading them.
            for name, text in connection.files.items():
                write_secret(self._folder / name, text)
        self._known = connection
        return {name: _fill(text, place) for name, text in connection.variables.items()}

    def _write(self, extravars: Mapping[str, object], connection: Connection) -> None:
        host = self._write_host(connection)
        if host.get("ansible_connection") == "local":
            host.setdefault("ansible_remote_tmp", str(self._folder / "tmp"))
        values = {**extravars, "paas_live": literal(str(self._folder / "live"))}
        inventory = {"all": {"hosts": {HOST: host}}}
        write_secret(self._folder / "inventory.yml", json.dumps(inventory))
        write_secret(self._folder / "env" / "extravars", json.dumps(values))


def _master(host: Mapping[str, str]) -> list[str]:
    """The program that opens the connection which Ansible's own calls find at the control path."""
    options = (
        *("ControlMaster=yes", PERSIST, f"ControlPath={host['ansible_control_path']}"),
        *(f"User={host['ansible_user']}", f"Port={host.get('ansible_port', '22')}"),
    )
    return [
        *(host.get("ansible_ssh_executable", "ssh"), "-N", "-f"),
        *("-i", host["ansible_ssh_private_key_file"]),
        *shlex.split(host["ansible_ssh_common_args"]),
        *(part for option in options for part in ("-o", option)),
        *("--", host["ansible_host"]),
    ]


def _kind_of(code: int, detail: str, *, is_unreachable: bool) -> type[PaasError]:
    """What an end of Ansible means: whether to wait, to try again, or to give up."""
    if code == UNREACHABLE and is_unreachable:
        return Unreachable
    was_killed = code == KILLED or DEAD_WORKER in detail
    return StepInterrupted if was_killed else StepFailed


def deploy(
    bench: Bench, folder: Path, extravars: Mapping[str, object], connection: Connection
) -> Exit:
    """Start Ansible and play at once."""
    return Playbook.start_early(bench, folder).run(extravars, connection)


def build_extravars(
    target_vars: Mapping[str, object], plan: BuildPlan, environment: Mapping[str, str]
) -> dict[str, object]:
    """The playbook's variables, every string in them marked so that it is never evaluated.

    What the user set wins over the plan's environment.
    """
    runtime = str(target_vars["paas_runtime_program"])
    places = {
        "{dependencies}": str(target_vars["paas_dependencies_folder"]),
        "{runtime}": runtime,
    }
    settings = {
        "environment": {**plan.environment, **environment},
        "start": plan.start,
        "root": plan.root,
        "health_path": plan.health_path,
        "runtime": runtime,
        "document_root": plan.document_root,
    }
    values: dict[str, object] = {
        **target_vars,
        "paas_settings": settings,
        "paas_install": [[_fill(part, places) for part in argv] for argv in plan.install],
        "paas_kept": list(plan.kept),
        "paas_build": list(plan.build),
        "paas_release": list(plan.release),
    }
    return {name: literal(value) for name, value in values.items()}


def _fill(text: str, places: Mapping[str, str]) -> str:
    for place, value in places.items():
        text = text.replace(place, value)
    return text


def literal(value: object) -> object:
    """The value with every string marked as unsafe, which Ansible takes as it is."""
    if isinstance(value, str):
        return {"__ansible_unsafe": value}
    if isinstance(value, Mapping):
        return {str(name): literal(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [literal(item) for item in value]
    return value


def environment(folder: Path) -> dict[str, str]:
    """Ansible's settings: nothing is read from the machine's, everything stays in the folder."""
    return {
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "0",
        "ANSIBLE_INVENTORY_ENABLED": "yaml",
        "ANSIBLE_GATHERING": "explicit",
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_SSH_ARGS": f"-o ControlMaster=auto -o {PERSIST}",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "control"),
        "ANSIBLE_SSH_RETRIES": "3",
        "ANSIBLE_HOST_KEY_CHECKING": "1",
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
        "ANSIBLE_FORKS": "1",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
    }


def write_secret(path: Path, text: str) -> None:
    """Write a file that only this user can read."""
    path.touch(mode=0o600)
    path.write_text(text)
