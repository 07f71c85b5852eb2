"""What a guest is given before it first starts, as Proxmox and cloud-init would write it."""

import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.lab.commands import remove
from tests.lab.hypervisor import GuestConfig

DHCP_NETWORK = """\
[Match]
Name=eth0

[Network]
DHCP=ipv4
LinkLocalAddressing=no

[DHCPv4]
ClientIdentifier=mac
UseDNS=no
"""
NETWORK = "etc/systemd/network/eth0.network"


def write_identity(root: Path, guest: GuestConfig) -> None:
    """Make the tree below ``root`` this guest: name, machine id, host key, keys, resolver.

    Keys of whoever the image was made by are gone afterwards.
    """
    (root / "etc/machine-id").write_text(secrets.token_hex(16) + "\n")
    write_settings(root, guest)
    for old in (root / "etc/ssh").glob("ssh_host_*"):
        old.unlink()
    private, public = host_key()
    _replace(root / "etc/ssh/ssh_host_ed25519_key", private, 0o600)
    _replace(root / "etc/ssh/ssh_host_ed25519_key.pub", f"{public} {guest.hostname}\n")


def write_settings(root: Path, guest: GuestConfig) -> None:
    """What may be another at the next start, as cloud-init has it: resolver, name, keys, DHCP."""
    _replace(root / "etc/resolv.conf", "".join(f"nameserver {name}\n" for name in guest.dns))
    write_name(root, guest)
    write_keys(root, guest)
    if guest.address == "dhcp":
        _use_dhcp(root)
    else:
        remove(root / NETWORK)


def write_name(root: Path, guest: GuestConfig) -> None:
    """The guest's name, also where it looks itself up."""
    _replace(root / "etc/hostname", f"{guest.hostname}\n")
    _replace(root / "etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {guest.hostname}\n")


def write_keys(root: Path, guest: GuestConfig) -> None:
    """Let these SSH keys, and no others, in as root."""
    folder = root / "root/.ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    _replace(folder / "authorized_keys", "".join(f"{key}\n" for key in guest.ssh_keys), 0o600)


def host_key() -> tuple[str, str]:
    """A new SSH host key: the private half as OpenSSH stores it, and ``type base64``."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return private.decode(), public.decode()


def _use_dhcp(root: Path) -> None:
    _replace(root / NETWORK, DHCP_NETWORK)
    wanted = root / "etc/systemd/system/multi-user.target.wants"
    wanted.mkdir(parents=True, exist_ok=True)
    link = wanted / "systemd-networkd.service"
    if not link.is_symlink():
        link.symlink_to("/lib/systemd/system/systemd-networkd.service")


def _replace(path: Path, text: str, mode: int = 0o644) -> None:
    """Write anew, never through a link that the image may hold: it would lead to the host."""
    remove(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
