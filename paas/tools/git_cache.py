"""The bare caches of repositories, and git running in one."""

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from paas.tools.process import Bench

MOST_PACKS = 40
TRUSTED = "[safe]\n\tdirectory = *\n"
ATTRIBUTES = "* -export-ignore -export-subst\n"
BARE_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"


@dataclass
class Output:
    """What a git call said, and how it ended."""

    code: int = 0
    lines: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def complaint(self) -> str:
        """All of the error output."""
        return "\n".join(self.errors)

    def says(self, phrases: tuple[str, ...]) -> bool:
        """Whether git complained with one of the phrases, in whatever case."""
        text = self.complaint.lower()
        return any(phrase in text for phrase in phrases)


def run(
    bench: Bench, cache: Path, argv: list[str], *, limit: int = 0, config: Path | None = None
) -> Output:
    """Run git in a cache; ``limit`` bounds in bytes each file that it writes.

    ``config`` is git's configuration in place of the cache's own.
    """
    return _run(bench, cache, argv, limit, None, config)


def run_into(bench: Bench, cache: Path, argv: list[str], out: Path, *, limit: int = 0) -> Output:
    """Run git in a cache with its output going into a file."""
    return _run(bench, cache, argv, limit, out)


def _run(
    bench: Bench,
    cache: Path,
    argv: list[str],
    limit: int,
    out: Path | None,
    config: Path | None = None,
) -> Output:
    output = Output()
    extra = _environment(cache, config or cache / "trusted.config")
    command = bench.command(argv, cwd=cache, name="git", extra=extra)
    command = replace(command, file_bytes=limit, stdout=out)
    ended = bench.run(command, on_line=output.lines.append, on_error=output.errors.append)
    output.code = ended.code
    return output


def _environment(cache: Path, config: Path) -> dict[str, str]:
    return {
        "GIT_DIR": str(cache),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_ASKPASS": "",
        "GIT_OPTIONAL_LOCKS": "0",
        "HOME": str(cache),
        "LC_ALL": "C.UTF-8",
    }


def make_bare(cache: Path) -> None:
    """An empty bare repository; written by hand, for ``git init`` would take longer.

    ``trusted.config`` lets git read a mirror whose files belong to another user.
    """
    half = cache.with_suffix(".new")
    shutil.rmtree(half, ignore_errors=True)
    for folder in ("objects/pack", "refs/heads", "info"):
        (half / folder).mkdir(parents=True)
    (half / "HEAD").write_text("ref: refs/heads/none\n")
    (half / "config").write_text(BARE_CONFIG)
    (half / "info" / "attributes").write_text(ATTRIBUTES)
    (half / "trusted.config").write_text(TRUSTED)
    half.replace(cache)


def is_worn(cache: Path, limit: int) -> bool:
    """Whether many or broken-off fetches have left so much that a new cache is cheaper."""
    packs = list((cache / "objects" / "pack").glob("*"))
    broken_off = any(path.name.startswith("tmp_") for path in packs) or any(cache.glob("*.lock"))
    many = sum(path.suffix == ".pack" for path in packs) > MOST_PACKS
    return broken_off or many or size(cache) > limit


def size(folder: Path) -> int:
    """The bytes of all files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*"))
