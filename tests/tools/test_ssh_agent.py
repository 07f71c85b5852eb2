"""The agent that lends OpenSSH a key which no file has, tried with OpenSSH's own program."""

import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from paas.domain.errors import Invalid
from paas.tools import ssh_agent

KINDS = ("ed25519", "ecdsa", "rsa")


def make(folder: Path, kind: str, passphrase: str = "") -> Path:
    path = folder / f"key_{kind}"
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def ask(socket: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "SSH_AUTH_SOCK": str(socket)}
    return subprocess.run(["ssh-add", *words], env=env, capture_output=True, text=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_is_listed_and_signs(tmp_path: Path, kind: str) -> None:
    path = make(tmp_path, kind)
    public = path.with_suffix(".pub")
    key = ssh_agent.read_key(path.read_text())
    path.unlink()
    socket = tmp_path / ("long" * 30) / "agent"
    socket.parent.mkdir()
    with ssh_agent.serving(key, socket):
        assert socket.stat().st_mode & 0o777 == 0o600
        (tmp_path / "short").symlink_to(socket.parent)
        short = tmp_path / "short" / "agent"
        listed = ask(short, "-L")
        assert listed.stdout.split()[:2] == public.read_text().split()[:2]
        signed = ask(short, "-T", str(public))
        assert signed.returncode == 0, signed.stderr
        stranger = make(tmp_path, "ed25519", "other") if kind != "ed25519" else None
        if stranger:
            assert ask(short, "-T", str(stranger.with_suffix(".pub"))).returncode != 0
        assert ask(short, "-D").returncode != 0
    assert not socket.exists()
    assert ask(short, "-l").returncode == 2


def test_a_request_of_nonsense_is_refused(tmp_path: Path) -> None:
    key = ssh_agent.read_key(make(tmp_path, "ed25519").read_text())
    assert ssh_agent.answer(b"", key) == b"\x05"
    assert ssh_agent.answer(b"\xff", key) == b"\x05"
    assert ssh_agent.answer(bytes([ssh_agent.SIGN]), key) == b"\x05"


def test_a_key_of_no_use_is_refused_without_being_repeated(tmp_path: Path) -> None:
    locked = make(tmp_path, "ed25519", "secret").read_text()
    with pytest.raises(Invalid, match="has a passphrase"):
        ssh_agent.read_key(locked)
    for text in ("", "x", locked[:120], "-----BEGIN OPENSSH PRIVATE KEY-----\n..."):
        with pytest.raises(Invalid) as caught:
            ssh_agent.read_key(text)
        assert "cannot be read" in caught.value.message
        assert caught.value.__cause__ is None


def test_a_key_without_its_last_line_break_is_read(tmp_path: Path) -> None:
    text = make(tmp_path, "ed25519").read_text()
    assert ssh_agent.read_key(text.strip()) == ssh_agent.read_key(text)


@pytest.mark.parametrize("bits", [256, 255, 248, 247])
def test_a_key_of_any_length_with_an_empty_comment_is_read(tmp_path: Path, bits: int) -> None:
    """Its length decides whether OpenSSH pads what stands behind the comment."""
    key = ec.derive_private_key((1 << (bits - 1)) | 12345, ec.SECP256R1())
    path = tmp_path / "key"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    path.chmod(0o600)
    words = ["ssh-keygen", "-q", "-p", "-f", str(path), "-N", "", "-C", ""]
    subprocess.run(words, check=True, capture_output=True)
    assert "BEGIN OPENSSH" in path.read_text()
    assert ssh_agent.read_key(path.read_text()).get_name() == "ecdsa-sha2-nistp256"
