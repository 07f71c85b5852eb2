"""The same deployment by hand: git, terraform, ansible-playbook, the switch, a look.

What a person would have ready (the guest's place, the rendered module, the files of variables) is
made before the clock starts; the clock runs over the programs alone.
"""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import requests

from bench.world import CHECKOUT, environment, run, wait_for
from paas.domain.specs import BuildPlan, GuestSpec, ReleaseSpec, Resources
from paas.domain.states import GuestType
from paas.frameworks.catalogue import Catalogue
from paas.frameworks.detect import Overrides, make_plan
from paas.settings import Settings
from paas.store import setup
from paas.targets import build_targets, make_context
from paas.targets.contract import Target, Wanted
from paas.targets.local.target import PROGRAM
from paas.tools import ansible, terraform
from paas.tools.archive import ArchiveTree

PLAYBOOK_PROGRAM = Path(sys.executable).with_name("ansible-playbook")
READY = 60.0


class Workshop:
    """The workshop of a person who deploys by hand: one folder, kept between deployments."""

    def __init__(self, instance: Path, repository: Path) -> None:
        self.settings = Settings(instance=instance)
        setup.make_folders(self.settings)
        self.installation = str(uuid4())
        self.repository = repository
        self.catalogue = Catalogue.load(CHECKOUT / "frameworks")
        context = make_context(self.settings, self.installation, self.catalogue, environment())
        self.target: Target = build_targets(context)["local"]
        path = environment().get("PATH", "")
        self.terraform = terraform.find_terraform("", path, CHECKOUT / ".tools").path


@dataclass
class ByHand:
    """One app that is deployed by hand; ``index`` tells it from the others of the workshop."""

    workshop: Workshop
    index: int
    resources: Mapping[str, int]

    def __post_init__(self) -> None:
        self.folder = self.workshop.settings.instance / "work" / f"hand-{self.index}"
        self.folder.mkdir(parents=True)
        self.source = self.folder / "source"
        self.release = 0
        framework = self.workshop.catalogue["flask"]
        wanted = Wanted(self.index, framework.port, Resources(**self.resources))
        place = self.workshop.target.place(wanted, (), None)
        guest = str(uuid4())
        self.guest = GuestSpec(
            uuid=guest,
            marker=f"{self.workshop.installation}/{guest}",
            target="local",
            endpoint=place.endpoint,
            node=place.node,
            vmid=100 + self.index,
            incarnation=1,
            hostname=f"hand-{self.index}",
            address=place.address,
            port=framework.port,
            resources=Resources(**self.resources),
            guest_type=GuestType.LXC,
        )
        values = self.workshop.target.values(self.guest)
        self.workspace = terraform.Workspace.make(
            self.folder / "terraform", self.workshop.target.module, values, backend=False
        ).folder

    def deploy(self) -> float:
        """Deploy the repository's newest commit; the seconds that it took."""
        self.release += 1
        archive = self.folder / f"{self.release}.tar.gz"
        playbook = self._prepare(archive)
        began = time.perf_counter()
        self._fetch(archive)
        self._terraform("init", "-input=false", "-no-color")
        self._terraform("apply", "-input=false", "-no-color", "-auto-approve")
        self.workshop.target.wait_ready(self.guest, READY)
        run(*playbook, cwd=self.folder, env=self._ansible_environment())
        self._switch()
        wait_for("the app by hand", self._answers)
        return time.perf_counter() - began

    def destroy(self) -> None:
        """Remove the guest."""
        if (self.workspace / "terraform.tfstate").exists():
            self._terraform("destroy", "-input=false", "-no-color", "-auto-approve")

    def _fetch(self, archive: Path) -> None:
        if self.source.exists():
            run("git", "pull", "--quiet", cwd=self.source)
        else:
            run("git", "clone", "--quiet", self.workshop.repository, self.source, cwd=self.folder)
        run("git", "archive", "--format=tar.gz", "-o", archive, "HEAD", cwd=self.source)

    def _terraform(self, *arguments: str) -> None:
        env = environment(CHECKPOINT_DISABLE="1", TF_IN_AUTOMATION="1")
        run(self.workshop.terraform, *arguments, cwd=self.workspace, env=env)

    def _switch(self) -> None:
        guest = self.workshop.settings.instance / "guests" / self.guest.uuid
        given = ("switch", "--guest", guest, "--release", str(self.release))
        run(sys.executable, "-I", "-S", PROGRAM, *given, cwd=self.folder)

    def _answers(self) -> bool:
        try:
            return requests.get(f"http://{self.guest.address}:{self.guest.port}/", timeout=30).ok
        except requests.RequestException:
            return False

    def _prepare(self, archive: Path) -> list[str | Path]:
        """Write inventory and variables; returns the command that plays."""
        release = ReleaseSpec(str(uuid4()), self.release, "", str(archive), self._plan(), {})
        target = self.workshop.target
        extra = ansible.build_extravars(
            target.variables(self.guest, release), release.plan, release.plan.environment
        )
        extra["paas_live"] = ansible.literal(str(self.folder / "live"))
        host = dict(target.connection(self.guest).variables)
        host["ansible_remote_tmp"] = str(self.folder / "tmp")
        for name in ("tmp", "control"):
            (self.folder / name).mkdir(exist_ok=True)
        inventory, values = self.folder / "inventory.yml", self.folder / "values.json"
        ansible.write_secret(inventory, json.dumps({"all": {"hosts": {ansible.HOST: host}}}))
        ansible.write_secret(values, json.dumps(extra))
        return [PLAYBOOK_PROGRAM, "-i", inventory, "-e", f"@{values}", ansible.PLAYBOOK]

    def _plan(self) -> BuildPlan:
        draft = self.folder / "draft.tar.gz"
        run("git", "archive", "--format=tar.gz", "-o", draft, "HEAD", cwd=self.workshop.repository)
        return make_plan(self.workshop.catalogue["flask"], ArchiveTree.open(draft), Overrides())

    def _ansible_environment(self) -> dict[str, str]:
        return environment() | ansible.environment(self.folder)
