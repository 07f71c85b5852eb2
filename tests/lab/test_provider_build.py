"""The provider's mirror, as Terraform takes it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lab import provider_build


def test_terraform_takes_the_provider_from_the_mirror(
    provider_mirror: Path, tmp_path: Path
) -> None:
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("terraform is not installed")
    provider = {"proxmox": {"source": "bpg/proxmox", "version": provider_build.version()}}
    wanted = {"terraform": {"required_providers": provider}}
    (tmp_path / "main.tf.json").write_text(json.dumps(wanted))
    settings = tmp_path / "settings.tfrc"
    source = f'filesystem_mirror {{\n path = "{provider_mirror}"\n}}'
    settings.write_text(f"provider_installation {{\n{source}\n}}\n")
    environ = {**os.environ, "TF_CLI_CONFIG_FILE": str(settings)}
    subprocess.run([terraform, "init"], cwd=tmp_path, env=environ, check=True, capture_output=True)
    asked = [terraform, "providers", "schema", "-json"]
    said = subprocess.run(asked, cwd=tmp_path, env=environ, check=True, capture_output=True)
    schemas = next(iter(json.loads(said.stdout)["provider_schemas"].values()))["resource_schemas"]
    assert {"proxmox_virtual_environment_container", "proxmox_virtual_environment_vm"} <= set(
        schemas
    )
