"""The packed source of a commit: checked, bounded, and readable without unpacking."""

import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from paas.domain.errors import StepFailed

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1"
KEPT_FILE = 64 * 1024
KEPT_IN_ALL = 8 * 1024 * 1024
MOST_FILES = 200_000
CHUNK = 1024 * 1024


class ArchiveTree:
    """The files of a packed source. Small ones are kept in memory, to a bound of 8 MiB."""

    def __init__(self, archive: Path, names: Sequence[str], kept: dict[str, bytes]) -> None:
        self.archive = archive
        self._names = tuple(names)
        self._known = frozenset(names)
        self._kept = kept

    @classmethod
    def open(cls, archive: Path) -> "ArchiveTree":
        """Read an archive that ``pack_tar`` made earlier."""
        names: list[str] = []
        keeper = _Keeper()
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                if member.isreg():
                    names.append(member.name)
                    keeper.offer(tar, member)
        return cls(archive, names, keeper.kept)

    def files(self) -> Sequence[str]:
        """Every file's path, relative to the top; symbolic links are left out."""
        return self._names

    def read(self, path: str, limit: int = KEPT_FILE) -> str | None:
        """The first ``limit`` bytes as UTF-8, foreign bytes replaced; None without such a file."""
        if path not in self._known:
            return None
        data = self._kept.get(path)
        if data is None:
            data = self._read_again(path, limit)
        return data[:limit].decode("utf-8", "replace")

    def _read_again(self, path: str, limit: int) -> bytes:
        with tarfile.open(self.archive, "r:gz") as tar:
            for member in tar:
                if member.name == path and member.isreg():
                    return _content(tar, member, limit)
        return b""


class _Keeper:
    """Keeps the small files until the bound is reached."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self._room = KEPT_IN_ALL

    def offer(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        if member.size <= min(KEPT_FILE, self._room):
            self.kept[member.name] = _content(tar, member, KEPT_FILE)
            self._room -= member.size


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo, limit: int) -> bytes:
    file = tar.extractfile(member)
    return file.read(limit) if file else b""


def pack_tar(parts: Sequence[Path], out: Path, limit: int) -> ArchiveTree:
    """Check the tars of a commit and its submodules, and write them as one ``.tar.gz``.

    Raises ``StepFailed`` naming the path for what an unpacked release must not hold: files over
    ``limit`` bytes in all, pointers of git LFS, links that leave the tree.
    """
    check = _Check(limit)
    keeper = _Keeper()
    for part in parts:
        with tarfile.open(part, "r:") as tar:
            for member in tar:
                check.see(tar, member)
                if member.isreg():
                    keeper.offer(tar, member)
    check.finish()
    half = out.with_name(out.name + ".part")
    if len(parts) == 1:
        _compress(parts[0], half)
    else:
        _merge(parts, half)
    half.replace(out)
    return ArchiveTree(out, check.names, keeper.kept)


class _Check:
    """What may be in an archive, looked at one entry after the other."""

    def __init__(self, limit: int) -> None:
        self.names: list[str] = []
        self._limit = limit
        self._room = limit
        self._folders_of_files: set[str] = set()
        self._links: set[str] = set()

    def see(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or ".git" in path.parts:
            raise StepFailed(f"the repository holds {member.name!r}, which no checkout can have")
        self._room -= member.size
        if self._room < 0:
            raise StepFailed(
                f"the repository's files are larger than {self._limit // 2**20} MB in all"
            )
        if len(self.names) > MOST_FILES:
            raise StepFailed(f"the repository has more than {MOST_FILES} files")
        self._folders_of_files.update(str(parent) for parent in path.parents)
        if member.issym():
            self._links.add(str(path))
            _check_link(path, member.linkname)
        elif member.isreg():
            self.names.append(member.name)
            _check_lfs(tar, member)
        elif not member.isdir():
            raise StepFailed(f"the repository holds {member.name!r}, which is not a plain file")

    def finish(self) -> None:
        """A path below a link would be written wherever the link points."""
        through = self._links & self._folders_of_files
        if through:
            raise StepFailed(f"the repository has files below the link {min(through)!r}")


def _check_link(path: PurePosixPath, target: str) -> None:
    if target.startswith("/"):
        raise StepFailed(
            f"the symbolic link {str(path)!r} of the repository is absolute ({target!r}); "
            "make it relative"
        )
    depth = len(path.parts) - 1
    for part in PurePosixPath(target).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            raise StepFailed(
                f"the symbolic link {str(path)!r} of the repository leaves the tree ({target!r})"
            )


def _check_lfs(tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    if not len(LFS_POINTER) <= member.size <= 1024:
        return
    if _content(tar, member, len(LFS_POINTER)) == LFS_POINTER:
        raise StepFailed(
            f"the file {member.name!r} of the repository is kept in git LFS, which is not "
            "supported; commit the file itself"
        )


def _compress(source: Path, target: Path) -> None:
    packer = zlib.compressobj(1, wbits=31)
    with source.open("rb") as reading, target.open("wb") as writing:
        for chunk in _chunks(reading):
            writing.write(packer.compress(chunk))
        writing.write(packer.flush())


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _merge(parts: Sequence[Path], target: Path) -> None:
    with tarfile.open(target, "w:gz", compresslevel=1, format=tarfile.PAX_FORMAT) as merged:
        for part in parts:
            with tarfile.open(part, "r:") as tar:
                for member in tar:
                    merged.addfile(member, tar.extractfile(member) if member.isreg() else None)
