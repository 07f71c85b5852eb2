"""Renewing the lock that holds an installation to one build of Terraform's providers."""

from dataclasses import dataclass
from tempfile import TemporaryDirectory

from paas.settings import CHECKOUT, Settings, environment
from paas.tools.process import Bench
from paas.tools.terraform import Terraform, Workspace, find_terraform
from paas.tools.terraform_workspace import Provider, required_providers

MODULES = CHECKOUT / "terraform"


@dataclass(frozen=True)
class Renewal:
    """A provider, and whether another build of it is locked now."""

    provider: Provider
    changed: bool


def upgrade(settings: Settings) -> list[Renewal]:
    """Lock every provider anew, as its registry or mirror has it now.

    Raises ``StepFailed`` when one cannot be had; the lock is then as it was.
    """
    folder = settings.instance / "terraform"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = environment().get("PATH", "")
    binary = find_terraform(settings.terraform, path, CHECKOUT / ".tools")
    bench = Bench(
        "provider-upgrade",
        environment(),
        log=lambda _stream, _line: None,
        deadline=settings.step_timeout,
    )
    # Modules that require the same providers share one lock.
    needed = {required_providers(module): module for module in sorted(MODULES.iterdir())}
    renewed = []
    for providers, module in needed.items():
        if not providers:
            continue
        with TemporaryDirectory(dir=folder) as work:
            workspace = Workspace.make(folder / work / "work", module, {})
            mirror = settings.terraform_mirror
            changed = Terraform(binary, workspace, bench, None, folder, mirror=mirror).upgrade()
        renewed += [Renewal(provider, changed) for provider in providers]
    return renewed
