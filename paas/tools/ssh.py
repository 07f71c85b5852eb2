"""Short calls to guests over SSH: connections are kept, host keys are pinned.

Long work goes through Ansible, which uses OpenSSH. These calls ask and tell: is it ready, is it
healthy, switch. Each has a deadline, and none passes user text on a command line: data goes in
through the standard input.
"""

import os
import shlex
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
)

from paas.domain.errors import Unreachable
from paas.tools.ssh_link import Account, Done, Link, Lost, Write, open_link

__all__ = ["Account", "Done", "Sessions", "Write", "public_key"]

IDLE_SECONDS = 60.0
# A connection that was made for what comes next is as good as a new one for so long.
WARM_SECONDS = 3.0
MOST_LINKS = 32
CONNECT_SECONDS = 15.0

Open = Callable[[Account, float], Link]


def public_key(ssh_key: str) -> str:
    """The public half of a private key (both as OpenSSH writes them): ``type base64``."""
    key = load_ssh_private_key(ssh_key.encode(), password=None)
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@dataclass
class _Kept:
    """A connection that may be used again; ``users`` are the calls that use it now."""

    link: Link
    users: int = 0
    used: float = 0.0
    warm_until: float = 0.0


class Sessions:
    """Connections to guests, one for each, closed when nobody has used them for a while.

    Safe for threads. A forked child begins without any: its parent's belong to the parent.
    """

    def __init__(
        self, *, idle: float = IDLE_SECONDS, most: int = MOST_LINKS, open_link: Open = open_link
    ) -> None:
        self._idle = idle
        self._most = most
        self._open = open_link
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str, int, str], _Kept] = {}
        self._timer: threading.Timer | None = None

    def run(
        self,
        account: Account,
        argv: Sequence[str],
        data: bytes = b"",
        *,
        deadline: float,
        write: Write | None = None,
    ) -> Done:
        """Run a program in the guest to its end; ``deadline`` is in seconds from now.

        ``write`` takes its output as it comes, in place of the answer.

        Raises ``Unreachable`` when the guest does not answer or not in time, and ``StepFailed``
        when another machine answers in its place.
        """
        end = time.monotonic() + deadline
        command = shlex.join(argv)
        while True:
            kept, is_new = self._take(account, end)
            try:
                return kept.link.run(command, data, end, write)
            except Lost as error:
                self._drop(account, kept)
                # The guest may have been restarted since the connection was last used.
                if is_new or error.has_begun:
                    raise Unreachable(error.sentence) from None
            finally:
                self._give_back(account, kept)

    def host_key(self, account: Account, *, deadline: float) -> str:
        """The guest's host key (``type base64``), when it lets the platform in now.

        By a new connection: a kept one looks alive for a while after the guest was stopped. One
        that ``warm_up`` has made a moment ago is new, once.
        """
        kept = self._take_kept(account, is_warm=True)
        kept = kept or self._make(account, time.monotonic() + deadline)
        kept.warm_until = 0.0
        self._give_back(account, kept)
        return kept.link.host_key

    def warm_up(self, account: Account) -> None:
        """Connect before it is needed; ``host_key`` then needs no connection of its own."""
        end = time.monotonic() + CONNECT_SECONDS
        self._give_back(account, self._make(account, end, warm=WARM_SECONDS))

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            links = [kept.link for kept in self._kept.values()]
            self._kept.clear()
            if self._timer:
                self._timer.cancel()
        for link in links:
            link.close()

    def _take(self, account: Account, end: float) -> tuple[_Kept, bool]:
        """A connection to use, and whether it was made for this."""
        kept = self._take_kept(account)
        return (kept, False) if kept else (self._make(account, end), True)

    def _take_kept(self, account: Account, *, is_warm: bool = False) -> _Kept | None:
        """A connection that is there, or only one that is still warm."""
        if self._pid != os.getpid():
            self._begin()
        with self._lock:
            kept = self._kept.get(account.identity)
            if kept and kept.link.is_alive and (not is_warm or time.monotonic() < kept.warm_until):
                account.check(kept.link.host_key)
                kept.users += 1
                return kept
        return None

    def _make(self, account: Account, end: float, *, warm: float = 0.0) -> _Kept:
        """A new connection, kept in place of the one before."""
        if self._pid != os.getpid():
            self._begin()
        patience = max(min(end - time.monotonic(), CONNECT_SECONDS), 0.1)
        kept = _Kept(self._open(account, patience), users=1)
        kept.warm_until = time.monotonic() + warm
        with self._lock:
            before = self._kept.pop(account.identity, None)
            self._kept[account.identity] = kept
        if before and not before.users:
            before.link.close()
        self._close_idle()
        return kept

    def _give_back(self, account: Account, kept: _Kept) -> None:
        with self._lock:
            kept.users -= 1
            kept.used = time.monotonic()
            # Another one has taken its place while it was used.
            is_left = not kept.users and self._kept.get(account.identity) is not kept
            if self._timer is None:
                self._set_timer()
        if is_left:
            kept.link.close()

    def _drop(self, account: Account, kept: _Kept) -> None:
        with self._lock:
            if self._kept.get(account.identity) is kept:
                del self._kept[account.identity]
        kept.link.close()

    def _set_timer(self) -> None:
        self._timer = threading.Timer(self._idle, self._look)
        self._timer.daemon = True
        self._timer.start()

    def _look(self) -> None:
        with self._lock:
            self._timer = None
            if self._kept:
                self._set_timer()
        self._close_idle()

    def _close_idle(self) -> None:
        """Close what has been idle for long, and the longest idle ones above the bound."""
        now = time.monotonic()
        with self._lock:
            unused = sorted(
                (kept.used, index, identity)
                for index, (identity, kept) in enumerate(self._kept.items())
                if not kept.users
            )
            surplus = len(self._kept) - self._most
            doomed = [
                self._kept.pop(identity)
                for place, (used, _, identity) in enumerate(unused)
                if place < surplus or now - used >= self._idle
            ]
        for kept in doomed:
            kept.link.close()
