"""One commit with its submodules as tars, ready for the release's archive."""

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paas.domain.errors import StepFailed
from paas.tools import git_cache
from paas.tools import git_commands as commands
from paas.tools.process import Bench

DEEPEST = 5
MOST_PARTS = 50


@dataclass(frozen=True)
class Source:
    """One commit in a cache."""

    url: str
    sha: str
    cache: Path


class Packer:
    """Writes ``parts``, one tar for the commit and one for each submodule.

    ``fetch(url, sha)`` brings a submodule. ``limit`` in bytes holds for each part.
    """

    def __init__(
        self, bench: Bench, out: Path, limit: int, fetch: Callable[[str, str], Source]
    ) -> None:
        self.parts: list[Path] = []
        self._bench = bench
        self._out = out
        self._limit = limit
        self._fetch = fetch

    def add(self, source: Source, prefix: str = "", depth: int = 0) -> None:
        """Add a commit below ``prefix``, and the submodules in it."""
        part = self._new_part()
        argv = commands.archive(source.sha, prefix)
        output = git_cache.run_into(self._bench, source.cache, argv, part, limit=self._limit)
        if output.code != 0:
            raise self._failure(source, part, output)
        if _mentions(part, b".gitmodules"):
            self._add_submodules(source, prefix, depth)

    def remove(self) -> None:
        """Remove the parts."""
        for part in self.parts:
            part.unlink(missing_ok=True)

    def _new_part(self) -> Path:
        part = self._out.with_name(f"{self._out.name}.{len(self.parts)}.tar")
        self.parts.append(part)
        return part

    def _failure(self, source: Source, part: Path, output: git_cache.Output) -> StepFailed:
        if part.stat().st_size >= self._limit:
            return StepFailed(
                f"the files of {source.url} at commit {source.sha[:12]} are larger than the "
                f"limit of {self._limit // 2**20} MB"
            )
        return StepFailed(
            f"commit {source.sha[:12]} of {source.url} could not be packed",
            detail=output.complaint,
        )

    def _add_submodules(self, source: Source, prefix: str, depth: int) -> None:
        links = self._links(source)
        if not links:
            return
        if depth >= DEEPEST or len(self.parts) + len(links) > MOST_PARTS:
            raise StepFailed(f"the submodules of {source.url} are too many or nested too deeply")
        urls = self._urls(source)
        for path, sha in links.items():
            if path not in urls:
                raise StepFailed(f"the submodule {path!r} of {source.url} has no URL")
            url = commands.https_url(urls[path], source.url)
            self._bench.log("git", f"the submodule {path} is {url} at commit {sha[:12]}")
            self.add(self._submodule(url, sha, path), _below(prefix, path), depth + 1)

    def _submodule(self, url: str, sha: str, path: str) -> Source:
        try:
            return self._fetch(url, sha)
        except StepFailed as error:
            sentence = f"the submodule {path!r} cannot be fetched: {error.message}"
            raise StepFailed(sentence, detail=error.detail) from error

    def _links(self, source: Source) -> dict[str, str]:
        """The commit of each submodule by its path."""
        entries = [entry.partition("\t") for entry in self._list(source, commands.tree)]
        return {path: head.split()[2] for head, _, path in entries if head.startswith("160000 ")}

    def _urls(self, source: Source) -> dict[str, str]:
        """The URL of each submodule by its path, as ``.gitmodules`` has them."""
        paths: dict[str, str] = {}
        urls: dict[str, str] = {}
        for entry in self._list(source, commands.submodules):
            key, _, value = entry.partition("\n")
            name = key.removeprefix("submodule.").rpartition(".")[0]
            if key.endswith(".path"):
                paths[name] = value.rstrip("/")
            elif key.endswith(".url"):
                urls[name] = value
        return {path: urls[name] for name, path in paths.items() if name in urls}

    def _list(self, source: Source, build: Callable[[str], list[str]]) -> list[str]:
        """The NUL-separated output of a git call."""
        listing = self._out.with_name(f"{self._out.name}.list")
        try:
            git_cache.run_into(self._bench, source.cache, build(source.sha), listing)
            return listing.read_text(errors="replace").split("\0")
        finally:
            listing.unlink(missing_ok=True)


def _below(prefix: str, path: str) -> str:
    return f"{prefix}/{path}" if prefix else path


def _mentions(file: Path, word: bytes) -> bool:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(word) >= 0
