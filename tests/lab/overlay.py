"""A guest's disk: an overlay above its image, and copies of the upper folder as snapshots."""

from dataclasses import dataclass
from pathlib import Path

from tests.lab.commands import remove, run
from tests.lab.hypervisor import HypervisorError


@dataclass(frozen=True)
class Disk:
    """``layers`` are the folders below, the topmost first; all the guest's own is in ``folder``."""

    folder: Path
    layers: tuple[Path, ...]

    @property
    def root(self) -> Path:
        """Where the guest's tree is mounted."""
        return self.folder / "rootfs"

    @property
    def upper(self) -> Path:
        """What the guest changed."""
        return self.folder / "upper"

    @property
    def as_layers(self) -> tuple[Path, ...]:
        """What a clone of this disk stands on."""
        return (self.upper, *self.layers)

    def mount(self) -> None:
        """Show the tree; nothing happens when it is shown already."""
        if self.root.is_mount():
            return
        work = self.folder / "work"
        remove(work)
        for place in (self.root, self.upper, work):
            place.mkdir(parents=True, exist_ok=True)
        lower = ":".join(str(layer) for layer in self.layers)
        options = f"lowerdir={lower},upperdir={self.upper},workdir={work}"
        run(["mount", "-t", "overlay", "overlay", "-o", options, self.root], "mounting a disk")

    def unmount(self) -> None:
        """Hide the tree; what the guest changed stays."""
        if self.root.is_mount():
            run(["umount", self.root], "unmounting a disk")

    def snapshot(self, name: str) -> None:
        """Keep what the guest changed until now; its processes should be still meanwhile."""
        place = self._place(name)
        if place.exists():
            return
        making = place.with_name(f".{name}")
        remove(making)
        making.parent.mkdir(exist_ok=True)
        run(["cp", "-a", "--reflink=auto", self.upper, making], "copying a disk", timeout=300)
        making.rename(place)

    def rollback(self, name: str) -> None:
        """Bring it back; the guest must not run."""
        place = self._place(name)
        if not place.exists():
            raise HypervisorError(f"snapshot '{name}' does not exist")
        self.unmount()
        remove(self.upper)
        run(["cp", "-a", "--reflink=auto", place, self.upper], "copying a disk", timeout=300)
        self.mount()

    def drop_snapshot(self, name: str) -> None:
        """Forget one; one that is not there is forgotten."""
        remove(self._place(name))

    def remove(self) -> None:
        """Everything of it."""
        self.unmount()
        remove(self.folder)

    def _place(self, name: str) -> Path:
        return self.folder / "snapshots" / name
