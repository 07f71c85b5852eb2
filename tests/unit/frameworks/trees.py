"""Repositories that exist in memory alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from paas.domain.specs import BuildPlan
from paas.frameworks.catalogue import Catalogue
from paas.frameworks.detect import Overrides, make_plan

FRAMEWORKS = Path(__file__).resolve().parents[3] / "frameworks"
CATALOGUE = Catalogue.load(FRAMEWORKS)


@dataclass
class MemoryTree:
    """Files by path; bytes are decoded as a real tree does it, and each reading is counted."""

    content: Mapping[str, str | bytes]
    readings: list[str] = field(default_factory=list)

    def files(self) -> Sequence[str]:
        return list(self.content)

    def read(self, path: str, limit: int) -> str | None:
        self.readings.append(path)
        found = self.content.get(path)
        if found is None:
            return None
        data = found if isinstance(found, bytes) else found.encode()
        return data[:limit].decode(errors="replace")


def plan_of(
    framework: str, content: Mapping[str, str | bytes], overrides: Overrides | None = None
) -> BuildPlan:
    """The plan that the project's own catalogue gives."""
    return make_plan(CATALOGUE[framework], MemoryTree(content), overrides or Overrides())
