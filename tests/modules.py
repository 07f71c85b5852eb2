"""``python -m tests.modules``: validate the Terraform modules and run their own tests.

A module whose provider is not at hand is left out, and that is said. ``PAAS_TERRAFORM_MIRROR``
names a folder with it; else the one that the lab has made is taken, and with ``PAAS_LAB=required``
made.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from paas.settings import CHECKOUT
from paas.tools.terraform_binary import Binary, find_terraform
from paas.tools.terraform_providers import Sources
from paas.tools.terraform_workspace import required_providers
from tests.lab import ground, provider_build
from tests.lab.hypervisor import HypervisorError

SECONDS = 600


def main() -> int:
    """The exit code: 1 when a module is broken."""
    binary = find_terraform(
        os.environ.get("PAAS_TERRAFORM", ""), os.environ.get("PATH", ""), CHECKOUT / ".tools"
    )
    mirror = _mirror()
    broken = False
    for module in sorted((CHECKOUT / "terraform").iterdir()):
        if not module.is_dir():
            continue
        if required_providers(module) and mirror is None:
            sys.stdout.write(
                f"terraform/{module.name}: not validated, for want of its provider. Set "
                "PAAS_TERRAFORM_MIRROR to a folder with it, or run the lab once (make lab)\n"
            )
            continue
        broken |= not _is_sound(binary, module, str(mirror or ""))
    return int(broken)


def _mirror() -> Path | None:
    if given := os.environ.get("PAAS_TERRAFORM_MIRROR"):
        return Path(given).absolute()
    if os.environ.get("PAAS_LAB") == "required":
        return provider_build.mirror(ground.cache())
    made = ground.cache().glob(f"provider-{provider_build.version()}-*")
    return max(made, key=lambda place: place.stat().st_mtime, default=None)


def _is_sound(binary: Binary, module: Path, mirror: str) -> bool:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        work = folder / module.name
        shutil.copytree(module, work)
        sources = Sources(folder, mirror, required_providers(module), binary.product)
        config = sources.config()
        environ = {**os.environ, "CHECKPOINT_DISABLE": "1"}
        if config or not os.access(environ.get("TF_CLI_CONFIG_FILE", ""), os.R_OK):
            environ["TF_CLI_CONFIG_FILE"] = str(config or os.devnull)
        commands = [["init", "-input=false", "-no-color"], ["validate", "-no-color"]]
        if (work / "tests").is_dir():
            commands.append(["test", "-no-color"])
        return all(_run([str(binary.path), *words], work, environ) for words in commands)


def _run(argv: list[str], folder: Path, environ: dict[str, str]) -> bool:
    done = subprocess.run(
        argv, cwd=folder, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode != 0:
        sys.stdout.write(f"terraform/{folder.name}: {argv[1]}\n{done.stdout}{done.stderr}")
    else:
        last = next(filter(None, reversed(done.stdout.splitlines())), "")
        sys.stdout.write(f"terraform/{folder.name}: {argv[1]}: {last}\n" * (argv[1] != "init"))
    return done.returncode == 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HypervisorError as error:
        sys.exit(str(error))
