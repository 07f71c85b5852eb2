"""A container of the lab, made and configured by hand: the programs that a person would call.

What a person would have ready (the guest's place, the rendered module, the files of variables) is
made before the clock starts; the clock runs over the programs alone, and is read at each phase.
"""

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests

from bench.by_hand import PLAYBOOK_PROGRAM
from bench.world import CHECKOUT, BenchFailed, environment, run, wait_for
from paas.domain.specs import BuildPlan, GuestSpec, ReleaseSpec, Resources
from paas.domain.states import GuestType
from paas.frameworks.catalogue import Catalogue
from paas.frameworks.detect import Overrides, make_plan
from paas.settings import Settings
from paas.targets.contract import Wanted
from paas.targets.proxmox.inside import Inside
from paas.targets.proxmox.inside_program import UNPACK, program
from paas.targets.proxmox.lxc import LxcTarget
from paas.targets.proxmox.site import Site
from paas.tools import ansible, ssh, terraform, terraform_providers
from paas.tools.archive import ArchiveTree

GUEST_PROGRAM = ("python3", "-I", "-S")
READY = 120.0
PATIENCE = 300.0
ALIAS = "{uuid}-1"


class Known(Inside):
    """Asks no guest: a person knows which languages the template has."""

    def ask(
        self, guest: GuestSpec, verb: str, values: Mapping[str, object], patience: float = 0.0
    ) -> Any:
        del guest, verb, values, patience
        return []


class Workshop:
    """What all guests by hand have in common: keys, programs, and the lab's settings."""

    def __init__(self, folder: Path, settings: Settings, repository: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.repository = repository
        self.installation = str(uuid4())
        self.framework = Catalogue.load(CHECKOUT / "frameworks")["flask"]
        self.key = folder / "key"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key, cwd=folder)
        key = self.key.read_text()
        site = Site.of(settings, self.installation, ssh.public_key(key))
        uv = Path(sys.executable).with_name("uv")
        inside = Known.of(settings, key, uv)
        self.target = LxcTarget(site, inside)
        self.guest_program = inside.program
        path = environment().get("PATH", "")
        self.terraform = terraform.find_terraform("", path, CHECKOUT / ".tools")
        self._mirror = settings.terraform_mirror
        self._numbers = iter(range(1, 10_000))

    def place(self, port: int, resources: Resources) -> GuestSpec:
        """A guest with a place of its own: no two of the workshop are given the same."""
        number = next(self._numbers)
        wanted = Wanted(number, port, resources)
        place = self.target.place(wanted, (), self.target.survey())
        pool, uuid = self.target.site.addresses, str(uuid4())
        if pool is None:
            raise BenchFailed("The lab gives no static addresses, which the bench needs")
        return GuestSpec(
            uuid=uuid,
            marker=f"{self.installation}/{uuid}",
            target=self.target.name,
            endpoint=place.endpoint,
            node=place.node,
            vmid=self.target.vmids[number],
            incarnation=1,
            hostname=f"hand-{number}",
            address=str(pool.first + number),
            port=port,
            resources=resources,
            guest_type=GuestType.LXC,
            frozen=place.frozen,
        )

    def terraform_environment(self, folder: Path, workspace: terraform.Workspace) -> dict[str, str]:
        """The token and the mirror, as a person exports them."""
        sources = terraform_providers.Sources(
            folder, self._mirror, workspace.providers, self.terraform.product
        )
        given = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
        return environment(**given, TF_CLI_CONFIG_FILE=str(sources.config()))


@dataclass
class ByHand:
    """One container that is deployed by hand; ``phases`` are the seconds of the last time."""

    workshop: Workshop
    resources: Mapping[str, int]
    phases: dict[str, float] = field(default_factory=dict)
    release: int = 0

    def __post_init__(self) -> None:
        shop = self.workshop
        self.guest = shop.place(shop.framework.port, Resources(**self.resources))
        self.folder = shop.folder / self.guest.hostname
        self.source = self.folder / "source"
        for name in ("tmp", "control"):
            (self.folder / name).mkdir(parents=True)
        module, values = shop.target.module, shop.target.values(self.guest)
        self.workspace = terraform.Workspace.make(
            self.folder / "terraform", module, values, backend=False
        )
        self.alias = ALIAS.format(uuid=self.guest.uuid)
        # ssh itself learns the key, so of the connection only the variables are used.
        known = replace(self.guest, host_key="learned")
        self.variables = dict(shop.target.connection(known).variables)

    def prepare(self) -> None:
        """Write inventory and variables of the next release; not on the clock."""
        self.release += 1
        archive = self.folder / f"{self.release}.tar.gz"
        run("git", "archive", "--format=tar.gz", "-o", archive, "HEAD", cwd=self._repository)
        plan = make_plan(self.workshop.framework, ArchiveTree.open(archive), Overrides())
        archive.unlink()
        self._write_values(ReleaseSpec(str(uuid4()), self.release, "", str(archive), plan, {}))

    def first(self) -> dict[str, float]:
        """From the repository to an answer at the app's address; the seconds of each phase."""
        self.phases = {}
        with self._clock("fetch"):
            self._fetch()
        with self._clock("init"):
            self._terraform("init", "-input=false", "-no-color")
        with self._clock("apply"):
            self._terraform("apply", "-input=false", "-no-color", "-auto-approve")
        with self._clock("ssh"):
            self._enter()
        self._bring_live()
        return self.phases

    def again(self) -> dict[str, float]:
        """Play a second time, for a newer commit."""
        self.phases = {}
        with self._clock("fetch"):
            self._fetch()
        self._bring_live()
        return self.phases

    def destroy(self) -> None:
        """Remove the guest."""
        if (self.workspace.folder / "terraform.tfstate").exists():
            self._terraform("destroy", "-input=false", "-no-color", "-auto-approve")

    def _bring_live(self) -> None:
        with self._clock("play"):
            given = ("-i", "inventory.yml", "-e", "@values.json", self.workshop.target.playbook)
            env = environment() | ansible.environment(self.folder)
            run(PLAYBOOK_PROGRAM, *given, cwd=self.folder, env=env)
        with self._clock("curl"):
            request = json.dumps({"release": self.release}).encode()
            self._ssh(*self.workshop.guest_program, "switch", data=request)
            wait_for("the app by hand", self._answers, PATIENCE)

    @contextmanager
    def _clock(self, phase: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.phases[phase] = time.perf_counter() - began

    @property
    def _repository(self) -> Path:
        return self.workshop.repository

    def _fetch(self) -> None:
        if self.source.exists():
            run("git", "pull", "--quiet", cwd=self.source)
        else:
            run("git", "clone", "--quiet", self._repository, self.source, cwd=self.folder)
        archive = self.folder / f"{self.release}.tar.gz"
        run("git", "archive", "--format=tar.gz", "-o", archive, "HEAD", cwd=self.source)

    def _terraform(self, *arguments: str) -> None:
        env = self.workshop.terraform_environment(self.folder, self.workspace)
        if arguments[0] != "init":
            # The provider's authority closes the way to every other server.
            env |= self.workshop.target.environment(self.folder)
        run(self.workshop.terraform.path, *arguments, cwd=self.workspace.folder, env=env)

    def _enter(self) -> None:
        """Try to sign in until it works, then bring the program that the playbook asks."""
        end = time.monotonic() + READY
        while self._try_ssh("true").returncode:
            if time.monotonic() > end:
                raise BenchFailed(f"{self.guest.hostname} was not ready for SSH")
            time.sleep(0.1)
        place = self.workshop.guest_program[-1]
        self._ssh(*GUEST_PROGRAM, "-c", UNPACK, place, data=program().content)

    def _ssh(self, *argv: str, data: bytes) -> None:
        done = self._try_ssh(*argv, data=data)
        if done.returncode:
            raise BenchFailed(f"ssh {self.guest.hostname}: {done.stderr.decode()}")

    def _try_ssh(self, *argv: str, data: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        options = ("-o", "ConnectTimeout=2", "-o", "StrictHostKeyChecking=accept-new")
        known = ("-o", "UserKnownHostsFile=known_hosts", "-o", f"HostKeyAlias={self.alias}")
        where = ("-i", str(self.workshop.key), f"root@{self.guest.address}")
        command = ["ssh", "-F", "none", "-o", "LogLevel=ERROR", *options, *known, *where]
        return subprocess.run(
            [*command, shlex.join(argv)],
            cwd=self.folder,
            input=data,
            capture_output=True,
            timeout=READY,
            check=False,
        )

    def _answers(self) -> bool:
        try:
            return requests.get(f"http://{self.guest.address}:{self.guest.port}/", timeout=30).ok
        except requests.RequestException:
            return False

    def _write_values(self, release: ReleaseSpec) -> None:
        plan: BuildPlan = release.plan
        given = self.workshop.target.variables(self.guest, release)
        extra = ansible.build_extravars(given, plan, plan.environment)
        extra["paas_live"] = ansible.literal(str(self.folder / "live"))
        key = str(self.workshop.key)
        host = {n: text.replace("{folder}/key", key) for n, text in self.variables.items()}
        inventory = json.dumps({"all": {"hosts": {ansible.HOST: host}}})
        ansible.write_secret(self.folder / "inventory.yml", inventory)
        ansible.write_secret(self.folder / "values.json", json.dumps(extra))
