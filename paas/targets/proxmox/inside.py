"""Everything that happens inside a guest of Proxmox, over SSH."""

import hashlib
import json
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from paas.domain.errors import StepFailed, StepInterrupted, Unreachable
from paas.domain.specs import BuildPlan, GuestSpec, ReleaseSpec
from paas.settings import Settings
from paas.targets.contract import Connection, Contact, Health, RuntimeLine
from paas.targets.proxmox import inside_runtimes
from paas.targets.proxmox.guest import places
from paas.targets.proxmox.inside_languages import Found, Languages
from paas.targets.proxmox.inside_program import UNPACK, program
from paas.targets.proxmox.inside_surroundings import Surroundings
from paas.tools.ssh import Account, Done, Sessions, Write

POLL = 0.1
PROBE_PATIENCE = 5.0
PATIENCE = 60.0
LONG_PATIENCE = 120.0
HEALTH_PATIENCE = 1.0
INTERPRETER = ("python3", "-I", "-S")
NO_SUCH_FILE = 2
NO_SUCH_PROGRAM = 127
SSH_OPTIONS = (
    "-F none -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none "
    "-o PreferredAuthentications=publickey "
    "-o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=/dev/null -o UpdateHostKeys=no "
    "-o ConnectTimeout=15 -o ServerAliveInterval=15 -o ServerAliveCountMax=4 -o LogLevel=ERROR"
)


class Inside:
    """What a target does in its guests; the guest program in them does the work there."""

    def __init__(
        self,
        ssh_key: str,
        surroundings: Surroundings,
        *,
        uv: Path,
        sessions: Sessions | None = None,
    ) -> None:
        """``ssh_key`` is the installation's private key; ``uv`` this machine's program."""
        self._key = ssh_key
        self._surroundings = surroundings
        self._uv = uv
        self._sessions = sessions or Sessions()
        self._languages = Languages(self._look_for_languages)

    @classmethod
    def of(cls, settings: Settings, ssh_key: str, uv: Path) -> "Inside":
        """As the settings say."""
        return cls(ssh_key, Surroundings.of(settings), uv=uv)

    # Reaching a guest.

    def warm_up(self, guest: GuestSpec, plan: BuildPlan | None) -> None:
        """Begin to connect to a guest that has been reached before, and look at its languages."""
        if guest.host_key and guest.address:
            account = self._account(guest)
            self._languages.begin(guest, plan, lambda: self._sessions.warm_up(account))

    def wait_ready(self, guest: GuestSpec, address: str, deadline: float) -> Contact:
        """Try to sign in from the first moment on, until it works or ``deadline`` seconds end.

        Learns the guest's host key, unless the row has one: then only that one will do.
        """
        end = time.monotonic() + deadline
        account = self._account(guest, address)
        while True:
            left = end - time.monotonic()
            try:
                patience = max(min(left, PROBE_PATIENCE), 0.1)
                return Contact(address, self._sessions.host_key(account, deadline=patience))
            except Unreachable as error:
                if time.monotonic() >= end:
                    raise StepInterrupted(
                        f"The guest {guest.hostname} was not ready for SSH within {deadline:g} s. "
                        f"{error.message}"
                    ) from None
            time.sleep(POLL)

    def connection(self, guest: GuestSpec) -> Connection:
        """How Ansible reaches the guest: OpenSSH, with files of this play alone."""
        alias = self._known(guest).name
        options = f"-o UserKnownHostsFile=known_hosts -o HostKeyAlias={alias} {SSH_OPTIONS}"
        return Connection(
            variables={
                "ansible_connection": "ssh",
                "ansible_host": guest.address,
                "ansible_user": "root",
                "ansible_ssh_private_key_file": "{folder}/key",
                "ansible_ssh_common_args": options,
                # Relative to the play's folder, like known_hosts: its own path may hold spaces,
                # and a socket's path has room for 107 characters.
                "ansible_control_path": f"control/{alias}",
                "ansible_python_interpreter": "/usr/bin/python3",
            },
            files={"key": self._key, "known_hosts": f"{alias} {guest.host_key}\n"},
        )

    def _account(self, guest: GuestSpec, address: str = "") -> Account:
        return Account(
            name=_alias(guest),
            title=guest.hostname,
            address=address or guest.address,
            key=self._key,
            host_key=guest.host_key,
        )

    def _known(self, guest: GuestSpec) -> Account:
        """The account in a guest whose host key is known: nothing is told to whoever answers."""
        if not guest.host_key:
            raise Unreachable(
                f"The guest {guest.hostname} has not been reached yet, so its SSH host key is not "
                "known. Its deployment learns it when the guest is ready; try again after that."
            )
        return self._account(guest)

    # Asking the guest program.

    def ask(
        self, guest: GuestSpec, verb: str, values: Mapping[str, object], patience: float = PATIENCE
    ) -> Any:
        """The guest program's answer; the program is brought when this version is not there.

        Raises ``StepFailed`` with the guest's own sentence when it refuses.
        """
        data = json.dumps(values).encode()
        account = self._known(guest)
        done = self._sessions.run(account, [*self.program, verb], data, deadline=patience)
        if done.code == NO_SUCH_FILE and program().name in done.errors:
            self._bring_program(guest, account)
            done = self._sessions.run(account, [*self.program, verb], data, deadline=patience)
        if done.code == NO_SUCH_PROGRAM:
            raise StepFailed(
                f"The template of the guest {guest.hostname} has no Python, which the platform "
                "needs inside. `paas templates build` makes templates that have it"
            )
        if done.code != 0:
            said = " ".join(done.errors.split()) or f"exit code {done.code}"
            raise StepFailed(f"The guest {guest.hostname} refuses to {verb}: {said}")
        return json.loads(done.output)

    @property
    def program(self) -> list[str]:
        """The beginning of a command that runs this version of the guest program."""
        return [*INTERPRETER, str(places.LIBRARY / program().name)]

    def _bring_program(self, guest: GuestSpec, account: Account) -> None:
        """Copy the program into the guest, whole or not at all."""
        place = str(places.LIBRARY / program().name)
        argv = [*INTERPRETER, "-c", UNPACK, place]
        done = self._sessions.run(account, argv, program().content, deadline=PATIENCE)
        if done.code != 0:
            raise StepFailed(
                f"The guest program could not be written to {place} of {guest.hostname}: "
                f"{' '.join(done.errors.split())}"
            )

    # Configuring.

    def variables(self, guest: GuestSpec, release: ReleaseSpec) -> Mapping[str, object]:
        """What ``ansible/guest.yml`` needs; looks at the guest's languages."""
        plan = release.plan
        runtime = self._languages.choose(guest, plan)
        root = _inside(plan.root)
        kept = plan.dependencies_hash
        return {
            **self.setup_variables(guest),
            "paas_runtime": plan.runtime,
            "paas_runtime_program": runtime.program,
            "paas_runtime_wanted": plan.runtime_version or "",
            "paas_runtime_python": runtime.python,
            "paas_runtime_check": inside_runtimes.check(plan),
            "paas_programs": inside_runtimes.programs(plan),
            "paas_uv": self._own_uv if inside_runtimes.needs_uv(plan) else {},
            "paas_uv_path": str(self._uv),
            "paas_archive": release.archive,
            "paas_release_uuid": release.uuid,
            "paas_release_number": release.number,
            "paas_app_root": "" if str(root) == "." else str(root),
            "paas_dependencies": kept,
            "paas_dependencies_folder": str(places.HOME / "dependencies" / kept),
        }

    def setup_variables(self, guest: GuestSpec) -> dict[str, object]:
        """What the role ``guest`` alone needs, as a template's guest does."""
        resources = guest.resources
        surroundings = self._surroundings
        return {
            "paas_program": self.program,
            "paas_setup": {
                "guest": {
                    "uuid": guest.uuid,
                    "marker": guest.marker,
                    "hostname": guest.hostname,
                    "address": guest.address,
                    "port": guest.port,
                    "cores": resources.cores,
                    "memory": resources.memory,
                    "disk": resources.disk,
                },
                "environment": surroundings.environment(),
                "apt_mirror": surroundings.apt_mirror,
                "proxy": surroundings.proxy,
                "ca": surroundings.certificates,
            },
        }

    def template_variables(self, guest: GuestSpec) -> dict[str, object]:
        """What ``ansible/template.yml`` needs besides the languages; brings the guest program."""
        self._bring_program(guest, self._known(guest))
        return {
            **self.setup_variables(guest),
            "paas_uv": self._own_uv,
            "paas_uv_path": str(self._uv),
        }

    def _look_for_languages(self, guest: GuestSpec, plan: BuildPlan) -> Found:
        kind = inside_runtimes.kind(plan)
        values = {"names": kind.names.pattern, "probe": kind.probe}
        found: Found = self.ask(guest, "runtimes", values)
        return found

    @cached_property
    def _own_uv(self) -> dict[str, object]:
        content = self._uv.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        return {"sha256": digest, "size": len(content), "machine": os.uname().machine}

    # Serving.

    def health(self, guest: GuestSpec, release: ReleaseSpec) -> Health:
        """One look, which waits up to a second inside the guest for the release to answer."""
        values = {
            "release": release.number,
            "path": release.plan.health_path,
            "patience": HEALTH_PATIENCE,
        }
        found = self.ask(guest, "health", values)
        return Health(bool(found["ready"]), str(found["reason"]), bool(found["fatal"]))

    def switch(self, guest: GuestSpec, release: ReleaseSpec) -> None:
        """Let the release serve; the one before is drained and ended in the background."""
        self.ask(guest, "switch", {"release": release.number}, LONG_PATIENCE)

    def serves(self, guest: GuestSpec) -> int | None:
        """The number of the release that the front leads to."""
        current = self.ask(guest, "serves", {})["current"]
        return current if isinstance(current, int) else None

    def retire(self, guest: GuestSpec, release: ReleaseSpec) -> None:
        """End a release that does not serve, and remove it; idempotent."""
        self.ask(guest, "retire", {"release": release.number}, LONG_PATIENCE)

    def tidy(self, guest: GuestSpec, kept: Collection[ReleaseSpec]) -> None:
        """Remove installed dependencies that none of these releases needs."""
        hashes = sorted({release.plan.dependencies_hash for release in kept})
        self.ask(guest, "tidy", {"kept": hashes}, LONG_PATIENCE)

    def start_app(self, guest: GuestSpec) -> None:
        """Let the release that served last serve again."""
        self.ask(guest, "start", {}, LONG_PATIENCE)

    def call(
        self, guest: GuestSpec, argv: Sequence[str], *, deadline: float, write: Write | None = None
    ) -> Done:
        """Run a program of the guest's own; ``write`` takes its output as it comes."""
        return self._sessions.run(self._known(guest), argv, deadline=deadline, write=write)

    def runtime_log(
        self, guest: GuestSpec, *, limit: int, since: str = "", search: str = ""
    ) -> Iterator[RuntimeLine]:
        """The app's own output, oldest first, as the guest's journal has it."""
        values = {"limit": max(limit, 0), "since": since, "search": search}
        for line in self.ask(guest, "log", values):
            yield RuntimeLine(line["at"], line["stream"], line["text"])


def _alias(guest: GuestSpec) -> str:
    """What the guest is called in known_hosts, whatever address it has."""
    return f"{guest.uuid}-{guest.incarnation}"


def _inside(root: str) -> PurePosixPath:
    """The app's folder inside the source, which must not lead out of it."""
    path = PurePosixPath(root)
    if path.is_absolute() or ".." in path.parts:
        raise StepFailed(f"The app's folder {root!r} is not inside the repository.")
    return path
