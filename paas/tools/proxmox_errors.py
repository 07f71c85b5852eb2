"""What Proxmox answers when it does not do what it was asked, as meaning.

Proxmox puts its sentence into the HTTP reason phrase and the fields' errors into the body; a 401
has no body at all. A task's end is such a sentence too.
"""

import re
import shlex
from collections.abc import Mapping, Sequence

from paas.domain.errors import StepFailed, StepInterrupted, Unreachable
from paas.tools.proxmox_rights import mending_command
from paas.tools.proxmox_words import decisive_line, sentence, task_words

__all__ = [
    "Aborted",
    "Locked",
    "Missing",
    "ProxmoxError",
    "Refused",
    "Taken",
    "Unreachable",
    "from_answer",
    "from_provider",
    "from_task",
    "from_text",
]

# 595 to 599 are pveproxy's own: it could not reach the node that the request is for.
AWAY = frozenset({408, 502, 503, 504, 595, 596, 597, 598, 599})
DENIED = re.compile(r"Permission check failed \((?P<path>/[^\s,]*), (?P<privilege>[\w.|]+)\)")
LONGEST, LOG_SHOWN = 600, 20


class ProxmoxError(StepFailed):
    """Proxmox refuses what it was asked, or a task of it failed."""


class Refused(ProxmoxError):
    """The token is not accepted (``path`` and ``privilege`` empty), or lacks a privilege."""

    def __init__(
        self, message: str, *, detail: str = "", path: str = "", privilege: str = ""
    ) -> None:
        super().__init__(message, detail=detail)
        self.path = path
        self.privilege = privilege


class Locked(ProxmoxError):
    """Another task holds the guest; ``lock`` is the guest's lock (backup), or empty."""

    def __init__(self, message: str, *, detail: str = "", lock: str = "") -> None:
        super().__init__(message, detail=detail)
        self.lock = lock


class Missing(ProxmoxError):
    """``what`` does not exist: guest, storage, volume, pool, snapshot, bridge, node or task."""

    def __init__(self, message: str, *, detail: str = "", what: str = "guest") -> None:
        super().__init__(message, detail=detail)
        self.what = what


class Taken(ProxmoxError):
    """There is one already: the vmid, or the snapshot's name."""


class Aborted(StepInterrupted):
    """A task was ended from outside: its process was killed or its node went down."""


Failure = ProxmoxError | Unreachable | Aborted

LOCKED = re.compile(
    r"\b(?:CT|VM) is locked(?: \((?P<lock>[\w-]+)\))?|can't lock file|got lock timeout"
)
TAKEN = re.compile(r"already exists|config file already exists|snapshot name '.*' already used")
AWAY_WORDS = re.compile(
    r"no quorum|cluster not ready|storage '.*' is not online|[Cc]onnection (?:refused|timed out)"
    r"|No route to host|connection check for storage|rados_connect failed"
)
ABORTED = re.compile(r"^unexpected status|received interrupt|interrupted by signal")
GONE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("guest", re.compile(r"[Cc]onfiguration file .*does not exist|unable to find configuration")),
    ("storage", re.compile(r"storage '[^']*' does not exist|storage '[^']*' is not available")),
    ("volume", re.compile(r"volume '[^']*' does not exist|can't find file|no such volume")),
    ("pool", re.compile(r"pool '[^']*' does not exist")),
    ("snapshot", re.compile(r"snapshot '[^']*' does not exist")),
    ("bridge", re.compile(r"bridge '[^']*' does not exist")),
    ("node", re.compile(r"hostname lookup '[^']*' failed|no such cluster node")),
    ("task", re.compile(r"no such task|unable to parse worker upid")),
)
PROVIDER = re.compile(
    r"received an HTTP (?P<status>\d{3}) response - Reason: (?P<reason>.+?)"
    r"(?=\s#\d+:|\s\(module\.|\n|$)"
)
PROVIDER_TASK = re.compile(
    r'task "(?P<upid>UPID:[^"]+)" failed to complete with exit code: (?P<status>[^\n]+)\n'
    r"task log:\n(?P<log>(?:  .*\n?)*)"
)
PROVIDER_DOING = re.compile(r"error (\w+ing [\w ]+):")
MENDS = {
    "storage": "Set PAAS_PROXMOX_STORAGE to a storage of that node; `paas doctor` lists them.",
    "volume": "`paas templates list` shows what there is.",
    "pool": "`pveum pool add <name>` makes it; docs/proxmox.md has the commands.",
    "bridge": "Set PAAS_PROXMOX_BRIDGE to a bridge of that node; `paas doctor` lists them.",
    "node": "PAAS_PROXMOX_NODES names the nodes to use.",
}


def from_answer(
    doing: str, status: int, reason: str, fields: Mapping[str, object], *, token: str, pool: str
) -> Failure:
    """The error that an HTTP answer means. ``doing`` is such as ``making container 120 on pve1``.

    ``token`` is the token's id without its secret, ``pool`` the pool that its rights hold in.
    """
    words = _words(reason, fields)
    detail = f"{status} {words}"[:LONGEST]
    if status in AWAY:
        return Unreachable(f"{_says(doing, words)} Its node does not answer.", detail=detail)
    if status == 401:
        return Refused(_unknown_token(token, words), detail=detail)
    if status == 403:
        return _denied(doing, words, token, pool, detail)
    if status == 501:
        says = f"{_says(doing, words)} Proxmox VE 8 or 9 is needed."
        return ProxmoxError(says, detail=detail)
    return from_text(doing, words, detail=detail)


def from_text(doing: str, text: str, *, detail: str = "") -> Failure:
    """The error that Proxmox's own sentence means: of an answer, or of a task's end."""
    says = _says(doing, text)
    detail = detail or text
    if AWAY_WORDS.search(text):
        return Unreachable(says, detail=detail)
    if ABORTED.search(text):
        return Aborted(f"{says} The task was ended from outside.", detail=detail)
    if found := LOCKED.search(text):
        lock = found["lock"] or ""
        says = f"{says} Another task holds the lock, or has left it behind."
        return Locked(says, detail=detail, lock=lock)
    for what, pattern in GONE:
        if pattern.search(text):
            return Missing(f"{says} {MENDS.get(what, '')}".strip(), detail=detail, what=what)
    if TAKEN.search(text):
        return Taken(says, detail=detail)
    return ProxmoxError(says, detail=detail)


def from_task(upid: str, exit_status: str, lines: Sequence[str]) -> Failure:
    """The error that a task's end means, with the line of its log that tells why."""
    why = decisive_line(lines, exit_status)
    text = f"{exit_status.rstrip('. ')} ({why})" if why else exit_status
    tail = "\n".join(lines[-LOG_SHOWN:])
    return from_text(task_words(upid), text or "no exit status", detail=tail or exit_status)


def from_provider(text: str, *, token: str, pool: str) -> Failure | None:
    """What Proxmox answered to Terraform's provider, of which ``text`` tells; None without that.

    The provider tries again by itself and tells of each try: the last one counts.
    """
    if failed := PROVIDER_TASK.search(text):
        lines = [line.strip() for line in failed["log"].splitlines()]
        return from_task(failed["upid"], failed["status"].strip(), lines)
    answers = list(PROVIDER.finditer(text))
    if not answers:
        return None
    last = answers[-1]
    doing = PROVIDER_DOING.findall(text[: last.start()]) or ["asking Proxmox by Terraform"]
    status, reason = int(last["status"]), last["reason"]
    return from_answer(doing[-1], status, reason, {}, token=token, pool=pool)


def _words(reason: str, fields: Mapping[str, object]) -> str:
    broken = [f"{name}: {str(text).strip()}" for name, text in fields.items()]
    first = " ".join(reason.split())
    if broken and first.startswith("Parameter verification failed"):
        first = ""
    return "; ".join(filter(None, [first.rstrip("."), *broken]))[:LONGEST] or "no reason given"


def _says(doing: str, words: str) -> str:
    # Proxmox ends its sentences now with a full stop and now without.
    end = "" if words.endswith(("?", "!")) else "."
    return f"{sentence(doing)} failed: {words.rstrip('. ')}{end}"


def _unknown_token(token: str, words: str) -> str:
    user, _, name = token.partition("!")
    remake = shlex.join(["pveum", "user", "token", "add", user, name, "--privsep", "1"])
    return (
        f"Proxmox does not accept the API token {token} ({words}): it was removed, has expired or "
        f"is mistyped. Make it anew on a node with `{remake}`, grant its rights again "
        "(docs/proxmox.md) and set PAAS_PROXMOX_TOKEN."
    )


def _denied(doing: str, words: str, token: str, pool: str, detail: str) -> ProxmoxError:
    if "does not exist" in words:
        return Missing(f"{_says(doing, words)} {MENDS['pool']}", detail=detail, what="pool")
    found = DENIED.search(words)
    if not found and words != "Permission check failed":
        # Such as what only root@pam may do, whatever rights a token has.
        return Refused(_says(doing, words), detail=detail)
    # The refusal to make a guest names nothing at all.
    path = found["path"] if found else f"/pool/{pool}"
    privilege = found["privilege"] if found else "VM.Allocate"
    lacking = " or ".join(privilege.split("|"))
    command = mending_command(path, privilege.split("|")[0], token=token, pool=pool)
    says = (
        f"{sentence(doing)} was refused: the token {token} lacks {lacking} on {path}. "
        f"{_outside(path, privilege, pool)}"
        f"Grant it on a node with `{command}`; `paas doctor` looks at all rights."
    )
    return Refused(says, detail=detail, path=path, privilege=privilege)


def _outside(path: str, privilege: str, pool: str) -> str:
    """Rights on a guest come with our pool, so their absence mostly means a stranger's guest."""
    if not path.startswith("/vms/") or privilege == "VM.Clone":
        return ""
    return f"If that guest is not in the pool {pool}, it is not ours to touch. "
