"""Git's argument lists and places: pure functions that run nothing."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

from paas.domain.errors import StepFailed

GITHUB = "https://github.com/"
SHA = re.compile(r"[0-9a-f]{40}")
SHORT_SHA = re.compile(r"[0-9a-f]{4,39}")
REF = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]+")
SCP_STYLE = re.compile(r"git@([A-Za-z0-9.-]+):(?!/)(.+)")
WHOLE_HISTORY = 2**31 - 1
SAFETY = (
    *("protocol.allow=never", "credential.helper=", "core.hooksPath=/dev/null"),
    *("core.fsmonitor=false", "core.askPass=", "gc.auto=0", "maintenance.auto=false"),
    *("fetch.unpackLimit=1", "submodule.recurse=false", "fetch.recurseSubmodules=false"),
    *("http.lowSpeedLimit=1000", "http.lowSpeedTime=60", "core.protectNTFS=true"),
)


@dataclass(frozen=True)
class Remote:
    """A place to fetch from: ``url`` as git takes it, ``schemes`` are what it may speak."""

    url: str
    schemes: tuple[str, ...]


def git(remote: Remote | None, *arguments: str) -> list[str]:
    """A git call that runs nothing of the user's and speaks the remote's protocol only."""
    settings = [*SAFETY, *(f"protocol.{name}.allow=always" for name in _schemes(remote))]
    return ["git", *(part for item in settings for part in ("-c", item)), *arguments]


def _schemes(remote: Remote | None) -> tuple[str, ...]:
    return remote.schemes if remote else ()


def fetch(remote: Remote, source: str, target: str, *, depth: int = 1) -> list[str]:
    """Fetch one ref or sha into ``target`` of the cache, with ``depth`` commits of history."""
    return [
        *git(remote, "fetch", "--no-tags", "--force", "--no-recurse-submodules"),
        *(f"--depth={depth}", "--end-of-options", remote.url, f"+{source}:{target}"),
    ]


def fetch_all(remote: Remote) -> list[str]:
    """Fetch every branch and tag with the whole history, to look for an abbreviated commit."""
    return [
        *git(remote, "fetch", "--no-tags", "--force", "--no-recurse-submodules"),
        *(f"--depth={WHOLE_HISTORY}", "--end-of-options", remote.url),
        *("+refs/heads/*:refs/cache/heads/*", "+refs/tags/*:refs/cache/tags/*"),
    ]


def commit_of(name: str) -> list[str]:
    """Print the commit that a name, tag or abbreviated sha in the cache stands for."""
    return git(None, "rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{commit}")


def archive(sha: str, prefix: str = "") -> list[str]:
    """Write the tree as tar to the standard output, below ``prefix``."""
    options = [f"--prefix={prefix}/"] if prefix else []
    return git(None, "archive", "--format=tar", *options, "--end-of-options", sha)


def tree(sha: str) -> list[str]:
    """List the whole tree, NUL-separated."""
    return git(None, "ls-tree", "-r", "-z", "--full-tree", "--end-of-options", sha)


def submodules(sha: str) -> list[str]:
    """List what ``.gitmodules`` says, NUL-separated."""
    return git(None, "config", "--blob", f"{sha}:.gitmodules", "--list", "-z")


def cache_name(repository: str, owner: str = "") -> str:
    """The folder of a repository's cache; a private one's is its ``owner``'s alone."""
    text = f"{owner} {repository}" if owner else repository
    return hashlib.sha256(text.encode()).hexdigest()


def target_of(source: str) -> str:
    """Where the cache keeps a source, so that the next fetch asks for what is new only."""
    return "refs/cache/" + hashlib.sha256(source.encode()).hexdigest()[:16]


def is_safe_ref(name: str) -> bool:
    """Whether git could know a branch or ref of this name, by git's own rules."""
    return (
        len(name) <= 250
        and REF.fullmatch(name) is not None
        and not name.startswith(("/", "+", "-"))
        and not name.endswith(("/", ".", ".lock"))
        and not any(bad in name for bad in ("..", "//", "@{", "/."))
        and name != "@"
    )


def https_url(url: str, parent: str) -> str:
    """A submodule's URL made absolute, and in the https form where it is in git's ssh form."""
    scp = SCP_STYLE.fullmatch(url)
    if scp:
        return f"https://{scp[1]}/{scp[2]}"
    if url.startswith(("./", "../")):
        return urljoin(parent.rstrip("/") + "/", url)
    if url.startswith(("ssh://git@", "git://")):
        parts = urlsplit(url)
        return f"https://{parts.hostname}{parts.path}"
    return url


def check_url(repository: str, hosts: Sequence[str]) -> str:
    """The repository's URL in its one spelling; raises ``StepFailed`` for other doors.

    Only https, only github.com and the hosts given, no user, port only as in ``hosts``.
    """
    parts = _split(repository)
    if parts.scheme != "https":
        raise StepFailed(f"the repository {repository} must begin with https://")
    if "@" in parts.netloc:
        raise StepFailed("the repository's URL must carry no user name or password")
    host = parts.netloc.lower()
    if host not in {"github.com", *(name.lower() for name in hosts)}:
        raise StepFailed(
            f"the host {host} of the repository is not allowed; PAAS_GIT_HOSTS names the hosts "
            "beside github.com"
        )
    path = parts.path.rstrip("/")
    segments = path.split("/")[1:]
    bad = not path or any(part in ("", ".", "..") or part.startswith("-") for part in segments)
    if bad or parts.query or parts.fragment or "%" in path:
        raise StepFailed(f"the repository {repository} is not of the form https://host/owner/name")
    return f"https://{host}{path.removesuffix('.git')}"


def _split(repository: str) -> SplitResult:
    if not repository.isprintable() or " " in repository or "\\" in repository:
        raise StepFailed("the repository's URL holds characters that a URL cannot have")
    try:
        return urlsplit(repository)
    except ValueError as error:
        raise StepFailed(f"the repository {repository!r} is not a URL") from error


def remotes(url: str, mirror: str) -> list[Remote]:
    """Where to try a checked URL, in this order.

    ``mirror`` (a folder or URL) takes the place of ``https://github.com/``.
    """
    if not mirror or not url.startswith(GITHUB):
        return [Remote(url + ".git" if url.startswith(GITHUB) else url, ("https",))]
    place = url.removeprefix(GITHUB)
    if mirror.startswith(("http://", "https://")):
        base = mirror.rstrip("/")
        schemes = (urlsplit(mirror).scheme,)
        return [Remote(f"{base}/{place}{end}", schemes) for end in (".git", "")]
    folder = Path(mirror.removeprefix("file://"))
    found = [folder / f"{place}{end}" for end in (".git", "")]
    return [Remote(str(path), ("file",)) for path in found if path.is_dir()]


def mirror_url(repository: str, mirror: str) -> str:
    """The first place that a repository would be fetched from."""
    places = remotes(check_url(repository, [urlsplit(repository).netloc]), mirror)
    return places[0].url if places else ""
