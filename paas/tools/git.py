"""Fetch a repository into a bare cache, and pack one commit of it."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paas.domain.errors import StepFailed
from paas.tools import git_cache
from paas.tools import git_commands as commands
from paas.tools.archive import ArchiveTree, pack_tar
from paas.tools.git_access import Access
from paas.tools.git_cache import Output
from paas.tools.git_commands import Remote
from paas.tools.git_pack import Packer, Source
from paas.tools.process import Bench

__all__ = ["ArchiveTree", "Git", "Source"]

MISSING_REF = ("couldn't find remote ref", "no such ref", "invalid refspec")
UNADVERTISED = ("not our ref", "unadvertised object", "no such remote ref")
MISSING = (
    *("repository not found", "not found", "could not read username", "terminal prompts disabled"),
    *("authentication failed", "does not appear to be a git repository", "does not exist"),
    *("error: 403", "error: 401", "invalid credentials", "permission denied"),
    *("could not read from remote repository", "host key verification failed"),
)
UNREACHABLE = (
    *("could not resolve host", "failed to connect", "couldn't connect", "connection timed out"),
    *("connection refused", "unable to access", "operation too slow", "early eof", "rpc failed"),
)


class Git:
    """Git for one attempt. ``folder`` holds the caches; ``limit`` is in bytes.

    The limit holds for a cache and for the unpacked files of a commit, each. A private repository
    is read with ``access``, which lies in the folder ``secrets`` meanwhile.
    """

    def __init__(
        self,
        bench: Bench,
        folder: Path,
        *,
        limit: int,
        mirror: str = "",
        hosts: tuple[str, ...],
        access: Access | None = None,
        secrets: Path | None = None,
    ) -> None:
        self._bench = bench
        self._folder = folder
        self._limit = limit
        self._mirror = mirror
        self._hosts = hosts
        self._access = access
        self._config: Path | None = None
        if access is not None and secrets is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._config = access.write(secrets, folder / "known_hosts")

    def fetch(
        self, repository: str, *, branch: str | None = None, ref: str | None = None
    ) -> Source:
        """Fetch what is needed of a branch, or of a ref (branch, tag, sha), or of HEAD.

        Raises ``StepFailed`` with a sentence that says what is missing or wrong.
        """
        url = commands.check_url(repository, self._hosts)
        for name in filter(None, (branch, ref)):
            if not commands.is_safe_ref(name):
                raise StepFailed(f"{name!r} cannot be the name of a branch, tag or commit")
        with self._locked(url) as cache:
            sha = self._fetch(url, cache, branch, ref)
            self._check_size(url, cache)
        self._say(f"{url} at {ref or branch or 'its default branch'} is commit {sha[:12]}")
        return Source(url, sha, cache)

    def pack(self, source: Source, out: Path) -> ArchiveTree:
        """Write the commit with its submodules to ``out`` as ``.tar.gz``; see ``pack_tar``."""
        packer = Packer(self._bench, out, self._limit, lambda url, sha: self.fetch(url, ref=sha))
        try:
            if not self._has(source):
                self.fetch(source.url, ref=source.sha)
            packer.add(source)
            return pack_tar(packer.parts, out, self._limit)
        finally:
            packer.remove()

    def _has(self, source: Source) -> bool:
        """Whether the commit is still in the cache, which may have been made anew."""
        return any(
            ref.read_text().startswith(source.sha)
            for ref in (source.cache / "refs" / "cache").rglob("*")
            if ref.is_file()
        )

    def _fetch(self, url: str, cache: Path, branch: str | None, ref: str | None) -> str:
        wanted = f"refs/heads/{branch}" if branch and not ref else ref or "HEAD"
        remote, output = self._try_remotes(url, cache, wanted)
        if output is None:
            return self._fetched_sha(cache, wanted)
        if ref and output.says((*MISSING_REF, *UNADVERTISED)):
            return self._search(url, remote, cache, ref)
        if output.says(MISSING_REF):
            raise StepFailed(
                f"the branch {branch} does not exist in {url}"
                if branch
                else f"the repository {url} has no commits on its default branch",
                detail=output.complaint,
            )
        raise self._failure(url, cache, output)

    def _try_remotes(self, url: str, cache: Path, wanted: str) -> tuple[Remote, Output | None]:
        """The remote that has the repository, and None or what went wrong there."""
        private = self._access.remote(url) if self._access else None
        remotes = [private] if private else commands.remotes(url, self._mirror)
        if not remotes:
            raise StepFailed(f"the repository {url} does not exist in the mirror {self._mirror}")
        for remote in remotes:
            argv = commands.fetch(remote, wanted, commands.target_of(wanted))
            output = self._ask(cache, argv)
            if output.code == 0:
                return remote, None
            if not output.says(MISSING) or output.says((*MISSING_REF, *UNADVERTISED)):
                break
        return remote, output

    def _fetched_sha(self, cache: Path, wanted: str) -> str:
        """The commit that the fetch brought; a tag or a sha may stand for something else."""
        sha, _, note = (cache / "FETCH_HEAD").read_text().partition("\t")
        if wanted == "HEAD" or "\tbranch '" in f"\t{note}":
            return sha
        return self._commit_of(cache, sha, wanted)

    def _commit_of(self, cache: Path, name: str, wanted: str) -> str:
        output = git_cache.run(self._bench, cache, commands.commit_of(name))
        if not output.lines:
            raise StepFailed(f"the ref {wanted} is not a commit")
        return output.lines[0]

    def _search(self, url: str, remote: Remote, cache: Path, ref: str) -> str:
        """Look for a commit that the server does not hand out by its name."""
        if commands.SHA.fullmatch(ref) or commands.SHORT_SHA.fullmatch(ref):
            argv = commands.fetch_all(remote)
            output = self._ask(cache, argv)
            if output.code != 0:
                raise self._failure(url, cache, output)
            found = git_cache.run(self._bench, cache, commands.commit_of(ref))
            if found.lines:
                return found.lines[0]
        raise StepFailed(f"the ref {ref} does not exist in {url}")

    def _ask(self, cache: Path, argv: list[str]) -> Output:
        """Run git with what a private repository needs."""
        return git_cache.run(self._bench, cache, argv, limit=self._limit, config=self._config)

    def _failure(self, url: str, cache: Path, output: Output) -> StepFailed:
        if git_cache.size(cache) >= self._limit:
            return StepFailed(self._too_large(url), detail=output.complaint)
        if output.says(MISSING):
            sentence = f"the repository {url} does not exist or {self._lacking()}"
        elif output.says(UNREACHABLE):
            sentence = f"the host of {url} cannot be reached or broke off; try again later"
        else:
            last = output.errors[-1] if output.errors else "without a word"
            sentence = f"the repository {url} could not be fetched: {last}"
        return StepFailed(sentence, detail=output.complaint)

    def _lacking(self) -> str:
        if self._access is None:
            return "needs credentials"
        return f"the application's {self._access.kind} does not open it"

    @contextmanager
    def _locked(self, url: str) -> Iterator[Path]:
        """The cache of a repository, ours alone until the end of the block."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        cache = self._folder / commands.cache_name(url, self._access.owner if self._access else "")
        with cache.with_suffix(".lock").open("w") as lock:
            self._wait_for(lock.fileno(), url)
            if cache.exists() and git_cache.is_worn(cache, self._limit):
                shutil.rmtree(cache)
            if not cache.exists():
                git_cache.make_bare(cache)
            yield cache

    def _wait_for(self, lock: int, url: str) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._say(f"waiting for another fetch of {url}")
            self._bench.wait_for_lock(lock)

    def _check_size(self, url: str, cache: Path) -> None:
        if git_cache.size(cache) > self._limit:
            shutil.rmtree(cache)
            raise StepFailed(self._too_large(url))

    def _too_large(self, url: str) -> str:
        return f"the repository {url} is larger than the limit of {self._limit // 2**20} MB"

    def _say(self, line: str) -> None:
        self._bench.log("git", line)
