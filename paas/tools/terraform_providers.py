"""Where Terraform's providers come from, and the lock that holds an installation to one build."""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from paas.domain.errors import StepFailed
from paas.tools.terraform_workspace import Provider

LOCK_FILE = ".terraform.lock.hcl"
MISMATCH = re.compile(
    r"doesn't match any of the checksums|Provider dependency changes detected"
    r"|does(?:n't| not) match (?:configured|the) .*(?:checksum|lock)|Inconsistent dependency lock"
)
NOT_FOUND = re.compile(
    r"Failed to (?:query available|install) provider|could not (?:connect|query)"
)
REASON = re.compile(r"^\W*Error: (.+)$", re.M)


@dataclass(frozen=True)
class Sources:
    """``mirror`` is a folder with providers in place of a registry, or empty.

    ``shared`` is the installation's folder for what all its guests' inits need. A lock made from
    one build of a provider refuses another build of the same version, so there is one for each
    set of versions and each product, made by the first init.
    """

    shared: Path
    mirror: str
    providers: tuple[Provider, ...]
    product: str

    @property
    def lock(self) -> Path:
        """The installation's lock for these providers."""
        words = [f"{one.source} {one.version}" for one in self.providers]
        digest = hashlib.sha256("\n".join(sorted(words)).encode()).hexdigest()[:12]
        return self.shared / f"providers-{self.product.lower()}-{digest}.lock.hcl"

    @property
    def generation(self) -> str:
        """Names the lock's content: what was initialised under another one is not used again."""
        if not self.providers:
            return ""
        try:
            return "-" + hashlib.sha256(self.lock.read_bytes()).hexdigest()[:8]
        except FileNotFoundError:
            return "-unlocked"

    def config(self) -> Path | None:
        """A CLI configuration that takes these providers from the mirror alone; None without."""
        if not self.mirror or not self.providers:
            return None
        # Without a host in them, the names mean each product's own registry.
        names = json.dumps(sorted(one.source for one in self.providers))
        text = (
            "provider_installation {\n"
            f"  filesystem_mirror {{\n    path    = {json.dumps(self.mirror)}\n"
            f"    include = {names}\n  }}\n"
            f"  direct {{\n    exclude = {names}\n  }}\n"
            "}\n"
        )
        path = self.shared / "mirror.tfrc"
        if not path.is_file() or path.read_text() != text:
            write_whole(path, text.encode())
        return path

    def failure(self, message: str, detail: str) -> StepFailed:
        """What a failed init means, as a sentence."""
        found = REASON.search(detail)
        reason = f"Terraform could not prepare its providers: {found[1]}" if found else message
        if MISMATCH.search(detail):
            return StepFailed(
                "The provider that Terraform finds now is another build than the one this "
                "installation is locked to. If it was renewed on purpose, run "
                "`paas provider upgrade`",
                detail=detail,
            )
        if not NOT_FOUND.search(detail):
            return StepFailed(reason, detail=detail)
        names = ", ".join(f"{one.source} {one.version}" for one in self.providers)
        where = (
            f"PAAS_TERRAFORM_MIRROR={self.mirror} must hold it, laid out as "
            "`terraform providers mirror` does it"
            if self.mirror
            else "it comes from the registry; for machines that cannot reach one, "
            "PAAS_TERRAFORM_MIRROR names a folder with it (docs/airgap.md)"
        )
        return StepFailed(f"{reason}. Terraform needs the provider {names}: {where}", detail=detail)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that others read at the same time: they find the old one or the new one."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_bytes(content)
    half.replace(path)
