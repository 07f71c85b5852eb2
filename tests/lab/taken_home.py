"""An app's Terraform in the hands of its user, away from the platform."""

import io
import json
import os
import shutil
import subprocess
import tempfile
import zipfile
from functools import partial
from pathlib import Path, PurePath

import requests

from tests.lab.live import LabPlatform


def download(platform: LabPlatform, app: str) -> bytes:
    """The app's Terraform, as a ZIP file."""
    return requests.get(f"{platform.url}/api/deployments/{app}/terraform", timeout=30).content


def nodes(zipped: bytes) -> set[str]:
    """The nodes that its variables and its state speak of."""
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        read = {PurePath(name).name: archive.read(name) for name in archive.namelist()}
    state = json.loads(read["terraform.tfstate"])
    made = [one["attributes"] for each in state["resources"] for one in each["instances"]]
    told = {attributes["node_name"] for attributes in made if "node_name" in attributes}
    assert told, "the state names no node"
    return told | {json.loads(read["terraform.tfvars.json"])["node"]}


def terraform_sees_no_changes(platform: LabPlatform, app: str) -> bool:
    """Take the app's Terraform home, and plan there with nothing of the platform's at hand."""
    zipped = download(platform, app)
    with tempfile.TemporaryDirectory() as home:
        with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
            archive.extractall(home)
        (folder,) = Path(home).iterdir()
        settings = platform.settings
        config = Path(home) / "mirror.tfrc"
        mirror = f'filesystem_mirror {{ path = "{settings.terraform_mirror}" }}'
        config.write_text(f"provider_installation {{ {mirror} }}\n")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "TF_CLI_CONFIG_FILE": str(config),
            "CHECKPOINT_DISABLE": "1",
            "PROXMOX_VE_ENDPOINT": settings.proxmox_url,
            "PROXMOX_VE_API_TOKEN": settings.proxmox_token,
            "SSL_CERT_FILE": settings.proxmox_ca_file,
        }
        program = shutil.which("terraform") or shutil.which("tofu") or "terraform"
        run = partial(
            subprocess.run, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
        )
        made = run([program, "init", "-input=false", "-no-color"])
        assert made.returncode == 0, made.stderr
        # 0: nothing to do; 2: changes; 1: it failed.
        planned = run([program, "plan", "-input=false", "-no-color", "-detailed-exitcode"])
        assert planned.returncode in (0, 2), planned.stderr
        assert planned.returncode == 0, planned.stdout
        return "No changes" in planned.stdout
