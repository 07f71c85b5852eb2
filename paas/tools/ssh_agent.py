"""An SSH agent within this process: a private key that OpenSSH may use and no file ever has.

It speaks of the agent's protocol (draft-miller-ssh-agent) what ``ssh`` asks for: which keys there
are, and signatures by them.
"""

import io
import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_ssh_private_key,
)
from paramiko.message import Message

from paas.domain.errors import Invalid

FAILURE, LIST, LISTED, SIGN, SIGNED = 5, 11, 12, 13, 14
SHA2_256, SHA2_512 = 2, 4
RSA = {SHA2_256: "rsa-sha2-256", SHA2_512: "rsa-sha2-512"}
LONGEST = 256 * 1024
KINDS: tuple[type[paramiko.PKey], ...] = (
    paramiko.Ed25519Key,
    paramiko.ECDSAKey,
    paramiko.RSAKey,
)


def read_key(text: str) -> paramiko.PKey:
    """A private key from OpenSSH's or PEM text; ``Invalid`` never repeats any of it."""
    written = _rewritten(text.strip() + "\n")
    for kind in KINDS:
        try:
            return kind.from_private_key(io.StringIO(written))
        except paramiko.PasswordRequiredException:
            raise Invalid(
                ["The SSH key has a passphrase. Send one without, made for this"]
            ) from None
        except (paramiko.SSHException, ValueError, IndexError, struct.error):
            continue
    raise Invalid(["The SSH key cannot be read. It must be a private one (Ed25519, ECDSA or RSA)"])


def _rewritten(text: str) -> str:
    """The key as paramiko reads it: of OpenSSH's form it takes the end of an empty comment for
    padding, and the key for a broken one."""
    if "BEGIN OPENSSH" not in text:
        return text
    try:
        key = load_ssh_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # What is wrong with it is found out once more, and said.
        return text
    if isinstance(key, EllipticCurvePrivateKey | RSAPrivateKey):
        made = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        return made.decode()
    return text


@contextmanager
def serving(key: paramiko.PKey, path: Path) -> Iterator[None]:
    """Answer at a socket that only this user can open, until the end of the block."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    accepting = threading.Thread(
        target=_accept, args=(listener, key), name="ssh-agent", daemon=True
    )
    try:
        # A socket's path has room for 107 characters, whatever the folder's has.
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
        path.chmod(0o600)
        listener.listen()
        accepting.start()
        yield
    finally:
        # Closing alone does not wake the thread that waits for the next caller.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        os.close(folder)
        if accepting.ident is not None:
            accepting.join()
        path.unlink(missing_ok=True)


def _accept(listener: socket.socket, key: paramiko.PKey) -> None:
    while True:
        try:
            caller, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_talk, args=(caller, key), daemon=True).start()


def _talk(caller: socket.socket, key: paramiko.PKey) -> None:
    with caller, caller.makefile("rwb") as stream:
        while len(head := stream.read(4)) == 4:
            (size,) = struct.unpack(">I", head)
            if not 0 < size <= LONGEST:
                return
            reply = answer(stream.read(size), key)
            stream.write(struct.pack(">I", len(reply)) + reply)
            stream.flush()


def answer(request: bytes, key: paramiko.PKey) -> bytes:
    """The answer to one request, both without their length."""
    reply = Message()
    if request[:1] == bytes([LIST]):
        reply.add_byte(bytes([LISTED]))
        reply.add_int(1)
        reply.add_string(key.asbytes())
        reply.add_string(b"")
    elif request[:1] == bytes([SIGN]):
        asked = Message(request[1:])
        blob, data, flags = asked.get_binary(), asked.get_binary(), asked.get_int()
        if blob != key.asbytes():
            return bytes([FAILURE])
        algorithm = RSA.get(flags & (SHA2_256 | SHA2_512)) if key.get_name() == "ssh-rsa" else None
        reply.add_byte(bytes([SIGNED]))
        reply.add_string(key.sign_ssh_data(data, algorithm).asbytes())
    else:
        return bytes([FAILURE])
    return reply.asbytes()
