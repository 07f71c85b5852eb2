"""Which tree stands behind a template's volume id or a template's vmid."""

import hashlib
import threading
from pathlib import Path

from tests.lab.commands import run
from tests.lab.hypervisor import HypervisorError


class ImageStore:
    """Trees by the name that a guest's configuration has; uploaded ones are unpacked here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._trees: dict[str, Path] = {}
        self._lock = threading.Lock()

    def add(self, image: str, tree: Path) -> None:
        """A tree that is there already, such as a golden image."""
        self._trees[image] = tree

    def register(self, image: str, archive: Path) -> None:
        """A template archive that was uploaded; it replaces one of the same name.

        Raises ``HypervisorError`` when it cannot be unpacked.
        """
        with archive.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        place = self.folder / digest
        with self._lock:
            if not place.is_dir():
                making = self.folder / f".{digest}"
                making.mkdir(parents=True, exist_ok=True)
                words = [
                    "tar",
                    "--numeric-owner",
                    "--xattrs",
                    "-C",
                    str(making),
                    "-xpf",
                    str(archive),
                ]
                run(words, f"unpacking the template {image}", timeout=300)
                making.rename(place)
            self._trees[image] = place

    def tree(self, image: str) -> Path | None:
        """Where the image's files are; None for an image nobody has added."""
        return self._trees.get(image)

    def require(self, image: str) -> Path:
        """Like ``tree``; raises ``HypervisorError`` instead."""
        found = self.tree(image)
        if found is None:
            raise HypervisorError(f"the lab has no image for the template '{image}'")
        return found
