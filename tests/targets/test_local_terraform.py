"""The Terraform module, with a real Terraform: making, keeping and removing a guest."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from paas.domain.specs import GuestSpec, Resources
from paas.settings import CHECKOUT
from paas.targets.contract import Presence
from paas.targets.local.target import LocalTarget
from tests.targets.conftest import Make
from tests.targets.support import get, serve, supervisor

ROOT = """
{variables}
module "guest" {{
  source = "{module}"
{arguments}
}}
output "guest" {{
  value = module.guest
}}
"""


def _program() -> str | None:
    tools = sorted((CHECKOUT / ".tools").glob("*/tofu"))
    return shutil.which("terraform") or shutil.which("tofu") or next(map(str, tools), None)


@dataclass
class Terraform:
    """A root module like the one that the engine renders."""

    program: str
    folder: Path

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }
        argv = [self.program, *words]
        return subprocess.run(
            argv, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def write(self, target: LocalTarget, guest: GuestSpec) -> None:
        values = target.values(guest)
        text = ROOT.format(
            module=target.module,
            variables="\n".join(f'variable "{name}" {{}}' for name in values),
            arguments="\n".join(f"  {name} = var.{name}" for name in values),
        )
        (self.folder / "main.tf").write_text(text)
        (self.folder / "terraform.tfvars.json").write_text(json.dumps(dict(values)))

    def apply(self, target: LocalTarget, guest: GuestSpec) -> str:
        self.write(target, guest)
        done = self.run("apply", "-auto-approve", "-no-color", "-input=false")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def terraform(tmp_path: Path, target: LocalTarget, planned: Make) -> Terraform:
    program = _program()
    if program is None:
        pytest.skip("neither terraform nor tofu is installed")
    made = Terraform(program, tmp_path)
    made.write(target, planned())
    done = made.run("init", "-no-color", "-input=false")
    assert done.returncode == 0, done.stderr
    return made


def test_apply_makes_a_guest_and_destroy_removes_it(
    terraform: Terraform, target: LocalTarget, planned: Make
) -> None:
    guest = planned(hostname="odd-${path.root}-$(id)-\"'")
    terraform.apply(target, guest)
    assert target.observe(guest) is Presence.OURS
    target.wait_ready(guest, 60)
    serve(target, guest)
    assert get(guest) == "hello"
    output = json.loads(terraform.run("output", "-json").stdout)["guest"]["value"]
    assert output == {
        "guest_id": guest.uuid,
        "address": guest.address,
        "port": guest.port,
        "access_url": f"http://{guest.address}:{guest.port}",
    }
    marker = json.loads((target.folder(guest) / "guest.json").read_text())
    assert marker["hostname"] == guest.hostname
    pid = supervisor(target, guest)
    assert "No changes" in terraform.apply(target, guest)
    assert supervisor(target, guest) == pid
    done = terraform.run("destroy", "-auto-approve", "-no-color", "-input=false")
    assert done.returncode == 0, done.stdout + done.stderr
    assert target.observe(guest) is Presence.ABSENT
    assert get(guest) is None


def test_other_resources_are_no_other_guest(
    terraform: Terraform, target: LocalTarget, planned: Make
) -> None:
    guest = planned()
    terraform.apply(target, guest)
    larger = replace(guest, resources=Resources(2, 512, 6))
    assert "0 added, 1 changed, 0 destroyed" in terraform.apply(target, larger)
    target.wait_ready(larger, 60)
    marker = json.loads((target.folder(guest) / "guest.json").read_text())
    assert (marker["cores"], marker["memory"], marker["disk"]) == (2, 512, 6)
    done = terraform.run("destroy", "-auto-approve", "-no-color", "-input=false")
    assert done.returncode == 0, done.stdout + done.stderr
    assert target.observe(guest) is Presence.ABSENT


def test_the_guest_of_another_stops_the_apply(
    terraform: Terraform, target: LocalTarget, make: Make
) -> None:
    guest = make()
    stranger = replace(guest, marker=f"another/{guest.uuid}")
    terraform.write(target, stranger)
    done = terraform.run("apply", "-auto-approve", "-no-color", "-input=false")
    assert done.returncode != 0
    assert "is the guest of another" in done.stdout + done.stderr
    terraform.run("destroy", "-auto-approve", "-no-color", "-input=false")
    assert target.observe(guest) is Presence.OURS


def test_values_that_cannot_be_are_refused(
    terraform: Terraform, target: LocalTarget, planned: Make
) -> None:
    for broken in ({"address": "10.0.0.1"}, {"port": 0}, {"uuid": "../../etc"}):
        terraform.write(target, replace(planned(), **broken))
        done = terraform.run("plan", "-no-color", "-input=false")
        assert done.returncode != 0, broken
        assert "Invalid value for variable" in done.stderr
