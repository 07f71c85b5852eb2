"""The table of faults in docs/proxmox.md, as the tests read it."""

import re
from dataclasses import dataclass

from paas.settings import CHECKOUT

DOCUMENT = CHECKOUT / "docs" / "proxmox.md"
HEADING = "## When something goes wrong"
ROW = re.compile(r"^\| `(?P<name>[a-z0-9-]+)` (?P<cells>.*) \|$", re.M)


@dataclass
class Row:
    """One fault. ``sentence`` is what the user sees, with ``…`` for what differs each time."""

    name: str
    sentence: str
    was_seen: bool = False

    def says(self, text: str | None) -> None:
        """Compare what the user was told with the table."""
        parts = [re.escape(part) for part in self.sentence.split("…")]
        found = re.search(".*?".join(parts), " ".join((text or "").split()))
        assert found, f"{self.name}: the table says {self.sentence!r}, the user saw {text!r}"
        self.was_seen = True


def rows() -> dict[str, Row]:
    """All rows by name."""
    text = DOCUMENT.read_text().partition(f"{HEADING}\n")[2].partition("\n## ")[0]
    found = {}
    for match in ROW.finditer(text):
        cells = [cell.strip() for cell in match["cells"].split(" | ")]
        assert len(cells) == 4, f"{match['name']} has {len(cells)} cells and not four"
        found[match["name"]] = Row(match["name"], cells[1].replace("\\|", "|"))
    return found


def name_of(test: str) -> str:
    """The row that a test is for."""
    return test.removeprefix("test_").replace("_", "-")
