"""One SSH connection to a guest."""

import io
import logging
import socket
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

import paramiko

from paas.domain.errors import StepFailed, Unreachable

# What it tells of a connection that ended is said better by our own errors.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)

KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
KEEPALIVE_SECONDS = 5
SHORTEST = 0.1
CHUNK = 256 * 1024
MOST_OUTPUT = 64 * 1024 * 1024
REASONS = {
    ConnectionRefusedError: "the connection is refused, so no SSH server runs there yet",
    TimeoutError: "there is no answer",
}


Write = Callable[[bytes], object]


@dataclass(frozen=True)
class Account:
    """Where to sign in, and with which key (``key`` is OpenSSH private key text).

    ``name`` tells the guest's incarnations apart, ``title`` is for people. ``host_key`` is
    ``type base64``; an empty one is learned from whoever answers.
    """

    name: str
    title: str
    address: str
    key: str = field(repr=False)
    host_key: str = ""
    port: int = 22
    user: str = "root"

    @property
    def identity(self) -> tuple[str, str, int, str]:
        """Equal for two accounts that one connection can serve."""
        return self.name, self.address, self.port, self.user

    @property
    def place(self) -> str:
        """The address as sentences name it."""
        return self.address if self.port == 22 else f"{self.address}:{self.port}"

    def check(self, found: str) -> None:
        """Raise ``StepFailed`` unless this host key is the guest's, or none is known."""
        if self.host_key and found != self.host_key:
            raise StepFailed(
                f"Another machine answers at {self.place} in place of the guest {self.title}: its "
                f"SSH host key is {fingerprint(found)}, and the guest's is "
                f"{fingerprint(self.host_key)}. Nothing was sent to it. Find out which machine "
                "uses this address; if it is the guest, with a new key, give it its old one back"
            )


@dataclass(frozen=True)
class Done:
    """How a program in a guest ended."""

    code: int
    output: bytes
    errors: str


class Lost(Exception):
    """The connection broke; ``has_begun`` when the program may have been started."""

    def __init__(self, sentence: str, *, has_begun: bool) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.has_begun = has_begun


class Link:
    """An open connection; safe for threads, each call has a channel of its own."""

    def __init__(self, account: Account, transport: paramiko.Transport, host_key: str) -> None:
        self._account = account
        self._transport = transport
        self.host_key = host_key

    @property
    def is_alive(self) -> bool:
        return self._transport.is_active()

    def close(self) -> None:
        self._transport.close()

    def run(self, command: str, data: bytes, end: float, write: Write | None = None) -> Done:
        """Run a command until it ends or ``end`` (of the monotonic clock) comes.

        ``write`` takes the output as it comes, however much it is.
        """
        # Some of paramiko's waits have no end of their own; closing the connection ends them all.
        closing = threading.Timer(max(end - time.monotonic(), SHORTEST), self.close)
        closing.daemon = True
        closing.start()
        try:
            return self._run(command, data, end, write)
        finally:
            closing.cancel()

    def _run(self, command: str, data: bytes, end: float, write: Write | None) -> Done:
        title = self._account.title
        try:
            channel = self._transport.open_session(timeout=_left(end))
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise Lost(f"The guest {title} does not answer: {error}.", has_begun=False) from None
        try:
            channel.settimeout(_left(end))
            channel.exec_command(command)
            channel.sendall(data)
            channel.shutdown_write()
            output = _read(channel.recv, channel, end, write)
            errors = _read(channel.recv_stderr, channel, end)
            if not channel.status_event.wait(_left(end)):
                raise TimeoutError
            code = channel.recv_exit_status()
        except (paramiko.SSHException, OSError, EOFError) as error:
            is_late = isinstance(error, TimeoutError) or time.monotonic() >= end
            sentence = f"The connection to the guest {title} broke: {error}."
            late = f"The guest {title} has not answered in time."
            raise Lost(late if is_late else sentence, has_begun=True) from None
        finally:
            channel.close()
        if code < 0:
            sentence = f"The connection to the guest {title} ended before its answer."
            raise Lost(sentence, has_begun=True)
        return Done(code, output, errors.decode("utf-8", "replace"))


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _read(
    receive: Callable[[int], bytes],
    channel: paramiko.Channel,
    end: float,
    write: Write | None = None,
) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        channel.settimeout(_left(end))
        part = receive(CHUNK)
        if not part:
            return b"".join(parts)
        if write:
            write(part)
            continue
        size += len(part)
        if size > MOST_OUTPUT:
            raise paramiko.SSHException("the answer is far too long")
        parts.append(part)


def fingerprint(host_key: str) -> str:
    """A host key as ``ssh-keygen -l`` shows it."""
    kind, _, blob = host_key.partition(" ")
    digest = sha256(b64decode(blob)).digest()
    return f"{kind} SHA256:{b64encode(digest).decode().rstrip('=')}"


def open_link(account: Account, patience: float) -> Link:
    """Connect, check who answers, sign in; all within ``patience`` seconds.

    Raises ``Unreachable`` when that does not work now, and ``StepFailed`` when another machine
    answers. Nothing but the version line is sent before the host key is checked.
    """
    end = time.monotonic() + patience
    beginning = f"The guest {account.title} cannot be reached by SSH at {account.place}"
    try:
        line = socket.create_connection((account.address, account.port), timeout=patience)
    except OSError as error:
        reason = REASONS.get(type(error)) or (error.strerror or str(error)).lower()
        raise Unreachable(f"{beginning}: {reason}.") from None
    opened = False
    try:
        transport = paramiko.Transport(line)
        host_key = _shake_hands(transport, account, end)
        _sign_in(transport, account, end)
        transport.set_keepalive(KEEPALIVE_SECONDS)
        opened = True
        return Link(account, transport, host_key)
    except paramiko.AuthenticationException:
        raise Unreachable(
            f"{beginning}: it does not accept the platform's key for {account.user}. The template "
            "must let it in, and nobody may remove the key from authorized_keys."
        ) from None
    except (paramiko.SSHException, OSError, EOFError) as error:
        reason = str(error).rstrip(".") or "the connection was closed"
        raise Unreachable(f"{beginning}: {reason}.") from None
    finally:
        if not opened:
            # The transport's own thread ends when its socket is closed.
            line.close()


def _shake_hands(transport: paramiko.Transport, account: Account, end: float) -> str:
    """The key of the machine that answers: of the known type where one is known."""
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = _left(end)
    transport.get_security_options().key_types = _key_types(account.host_key)
    try:
        transport.start_client(timeout=_left(end))
    except paramiko.ssh_exception.IncompatiblePeer:
        if account.host_key:
            raise StepFailed(
                f"Another machine answers at {account.place} in place of the guest "
                f"{account.title}: it has no SSH host key of the type that the guest has. Nothing "
                "was sent to it. Find out which machine uses this address"
            ) from None
        raise
    key = transport.get_remote_server_key()
    found = f"{key.get_name()} {key.get_base64()}"
    account.check(found)
    return found


def _key_types(host_key: str) -> tuple[str, ...]:
    kind = host_key.partition(" ")[0]
    if not kind:
        return KEY_TYPES
    return ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)


def _sign_in(transport: paramiko.Transport, account: Account, end: float) -> None:
    key = paramiko.Ed25519Key.from_private_key(io.StringIO(account.key))
    transport.auth_timeout = _left(end)
    transport.auth_publickey(account.user, key)
