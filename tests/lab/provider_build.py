"""The Terraform provider for Proxmox as a filesystem mirror, for machines that cannot fetch it.

Taken from the registry when Terraform itself can, else built from the Go module that
``provider/go.mod`` pins, which also names the version.
"""

import hashlib
import inspect
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

from paas.settings import CHECKOUT
from tests.lab.caching import once
from tests.lab.commands import run
from tests.lab.hypervisor import HypervisorError

MODULE = "github.com/bpg/terraform-provider-proxmox"
SOURCE = Path(__file__).parent / "provider"
# A registry that answers does so in a second or two.
REACH_SECONDS = 15
BUILD_SECONDS = 1200


def version() -> str:
    """The provider's version without the letter before it, as go.mod requires it."""
    found = re.search(rf"{re.escape(MODULE)} v(\S+)", (SOURCE / "go.mod").read_text())
    if found is None:
        raise HypervisorError(f"{SOURCE / 'go.mod'} does not require {MODULE}")
    return found[1]


def mirror(cache: Path) -> Path:
    """The mirror's folder, for every Terraform and OpenTofu that is here; made when it is new."""
    programs = _programs()
    if not programs:
        raise HypervisorError("neither terraform nor tofu is installed")

    def fill(place: Path) -> None:
        place.mkdir()
        if not all(_fetch(program, place) for program in programs):
            _lay_out(programs, place)

    wishes = [*sorted(programs), inspect.getsource(_lay_out), (SOURCE / "go.sum").read_text()]
    digest = hashlib.sha256("\0".join(wishes).encode()).hexdigest()[:16]
    return once(cache, f"provider-{version()}-{digest}", fill)


def _programs() -> list[str]:
    """Where the platform looks too: the search path, and what it has fetched itself."""
    own = CHECKOUT / ".tools" / "tofu"
    found = [shutil.which("terraform"), shutil.which("tofu"), str(own) if own.exists() else None]
    return [program for program in found if program]


def _environ() -> dict[str, str]:
    """No configuration of this user's, and no patience with a registry that cannot be reached."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    return {
        **kept,
        "TF_CLI_CONFIG_FILE": os.devnull,
        "TF_REGISTRY_CLIENT_TIMEOUT": "5",
        "TF_REGISTRY_DISCOVERY_RETRY": "0",
        "CHECKPOINT_DISABLE": "1",
    }


def _required(folder: Path) -> Path:
    provider = {"proxmox": {"source": "bpg/proxmox", "version": version()}}
    text = json.dumps({"terraform": {"required_providers": provider}})
    (folder / "main.tf.json").write_text(text)
    return folder


def _fetch(program: str, place: Path) -> bool:
    """Let the program itself fill the mirror; says whether it could."""
    with tempfile.TemporaryDirectory() as name:
        try:
            run(
                [program, "providers", "mirror", str(place)],
                "fetching the provider",
                timeout=REACH_SECONDS,
                folder=_required(Path(name)),
                environ=_environ(),
            )
        except HypervisorError:
            return False
    return True


def _lay_out(programs: list[str], place: Path) -> None:
    built = place / "built"
    words = ["go", "build", "-buildvcs=false", "-trimpath", "-o", str(built)]
    words += ["-ldflags", f"-s -w -X main.version={version()}", MODULE]
    run(words, "building the provider", timeout=BUILD_SECONDS, folder=SOURCE)
    name = f"terraform-provider-proxmox_v{version()}"
    for program in programs:
        folder = place / _source(program) / version() / _platform(program)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(built, folder / name)
    built.unlink()


def _source(program: str) -> str:
    """Where the program takes a provider without a host from: its registry, bpg, proxmox."""
    with tempfile.TemporaryDirectory() as name:
        folder = _required(Path(name))
        words = [program, "providers"]
        said = run(words, "asking for the registry", folder=folder, environ=_environ())
    found = re.search(r"provider\[([\w.-]+/bpg/proxmox)\]", said)
    if found is None:
        raise HypervisorError(f"{program} does not say from which registry it takes providers")
    return found[1]


def _platform(program: str) -> str:
    about = json.loads(run([program, "version", "-json"], "asking for the platform"))
    return str(about["platform"])
