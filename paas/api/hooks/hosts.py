"""How git hosts send pushes: which header proves what, and where the payload says it.

GitHub signs the body (``X-Hub-Signature-256: sha256=<hex>``), as Gitea and Forgejo do
(``X-Gitea-Signature``, ``X-Forgejo-Signature``: ``<hex>``); GitLab shows the secret itself
(``X-Gitlab-Token``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import Headers

from paas.domain.errors import Invalid, Unauthenticated
from paas.domain.specs import Push
from paas.services import pushes

BRANCH = "refs/heads/"
UNSIGNED = (
    "This push is not signed. Enter the application's secret where the git host asks for a secret"
)


@dataclass(frozen=True)
class Host:
    """A git host: ``event`` and ``proof`` are its headers, ``pushes`` its word for a push."""

    name: str
    event: str
    proof: str
    pushes: str = "push"
    prefix: str = ""
    shows_secret: bool = False


HOSTS = (
    # Forgejo and Gitea send GitHub's headers too, so they are looked for first.
    Host("Forgejo", "X-Forgejo-Event", "X-Forgejo-Signature"),
    Host("Gitea", "X-Gitea-Event", "X-Gitea-Signature"),
    Host("GitLab", "X-Gitlab-Event", "X-Gitlab-Token", pushes="Push Hook", shows_secret=True),
    Host("GitHub", "X-GitHub-Event", "X-Hub-Signature-256", prefix="sha256="),
)


def host_of(headers: Headers) -> Host:
    """Which host sent the request; raises ``Invalid`` for none that is known."""
    for host in HOSTS:
        if host.event in headers:
            return host
    names = ", ".join(host.event for host in HOSTS)
    raise Invalid([f"The request carries none of the headers {names}"])


def proof_of(host: Host, headers: Headers, body: bytes) -> Callable[[bytes], bool]:
    """How the request proves that it knows the secret; raises ``Unauthenticated`` without."""
    shown = headers.get(host.proof, "")
    if not shown.startswith(host.prefix) or len(shown) == len(host.prefix):
        raise Unauthenticated(UNSIGNED)
    shown = shown.removeprefix(host.prefix)
    return pushes.shown_as(shown) if host.shows_secret else pushes.signed_with(shown, body)


def push_of(host: Host, payload: Mapping[str, Any]) -> Push | None:
    """The push in a payload; None for a push of a tag. Raises ``Invalid`` when it says none."""
    ref, commit = payload.get("ref"), payload.get("after")
    if not isinstance(ref, str) or not isinstance(commit, str) or not _is_sha(commit):
        raise Invalid(["The push names no branch, or no commit: ref and after are expected"])
    if not ref.startswith(BRANCH):
        return None
    repository = payload.get("project" if host.shows_secret else "repository")
    default = repository.get("default_branch") if isinstance(repository, Mapping) else None
    return Push(
        branch=ref.removeprefix(BRANCH)[:255],
        commit=commit.lower(),
        by=_who(payload),
        default_branch=default if isinstance(default, str) else "",
    )


def _is_sha(text: str) -> bool:
    return len(text) in (40, 64) and not set(text.lower()) - set("0123456789abcdef")


def _who(payload: Mapping[str, Any]) -> str:
    """The name of whoever pushed, for the list of deployments."""
    pusher = payload.get("pusher")
    inner = pusher if isinstance(pusher, Mapping) else {}
    for found in (payload.get("user_username"), inner.get("login"), inner.get("name")):
        if isinstance(found, str) and found:
            return "".join(c for c in found if c.isprintable())[:100]
    return "somebody"
