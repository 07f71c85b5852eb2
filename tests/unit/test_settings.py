"""Settings: what they are without an environment, what is refused, and what the page says."""

import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from paas.domain.errors import SettingsError
from paas.settings import CHECKOUT, Settings, vmids

PAGE = CHECKOUT / "docs" / "settings.md"


PROXMOX = {
    "TARGET": "proxmox",
    "PROXMOX_URL": "https://pve.example.com:8006",
    "PROXMOX_TOKEN": "paas@pve!platform=01234567-89ab-cdef-0123-456789abcdef",
    "PROXMOX_LXC_TEMPLATE": "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst",
}


def read(**given: str) -> Settings:
    return Settings.read({f"PAAS_{name}": value for name, value in given.items()})


def documented() -> dict[str, str]:
    """Setting and default of every row of the page."""
    rows = re.findall(r"^\| `(PAAS_\w+)` \|([^|]*)\|", PAGE.read_text(), re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a setting has two rows"
    return {name: default.strip() for name, default in rows}


def test_the_page_has_every_setting_and_no_other() -> None:
    assert set(documented()) == {f"PAAS_{item.name.upper()}" for item in fields(Settings)}


def test_the_page_has_the_real_defaults() -> None:
    told = documented()
    for item in fields(Settings):
        text = told[f"PAAS_{item.name.upper()}"]
        if item.default is MISSING or item.default in ("", ()):
            # Nothing, or words for what holds then.
            assert not re.fullmatch(r"`[^`]*`", text), item.name
        else:
            value = int(item.default) if isinstance(item.default, bool) else item.default
            assert text == f"`{value}`", item.name


def test_an_empty_variable_is_the_same_as_none() -> None:
    assert read(PORT="", HOSTS="", LOCAL_UNSAFE="") == read()


def test_values_take_the_type_of_their_field(tmp_path: Path) -> None:
    settings = read(
        INSTANCE=str(tmp_path), PORT="8080", HOSTS=" a.example , b.example,", LOCAL_UNSAFE="1"
    )
    assert settings.instance == tmp_path
    assert settings.port == 8080
    assert settings.hosts == ("a.example", "b.example")
    assert settings.local_unsafe is True


def test_a_relative_instance_becomes_absolute() -> None:
    assert read(INSTANCE="here").instance == Path.cwd() / "here"


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("PORT", "http", "PAAS_PORT='http': must be a whole number"),
        ("PORT", "1_000", "must be a whole number"),
        ("PORT", "٣", "must be a whole number"),
        ("PORT", "65536", "must be between 0 and 65535"),
        ("PORT", "-1", "must be between 0 and 65535"),
        ("LOCAL_UNSAFE", "yes", "must be 0 or 1"),
        ("HOST", "a\nb", "must be one line of text"),
        ("TARGET", "moon", "must be one of local"),
        ("WORKERS", "0", "at least 1 worker"),
        ("THREADS", "15", "at least 16 threads"),
        ("DEPLOY_WAIT", "0", "must be at least 1"),
        ("BODY_LIMIT_KB", "0", "must be at least 1"),
        ("LOG_DAYS", "-3", "must be at least 1"),
        ("LOG_LEVEL", "LOUD", "must be one of DEBUG"),
        ("LOCAL_NETWORK", "10.0.0.0/8", "must lie in 127.0.0.0/8"),
        ("LOCAL_NETWORK", "x", "PAAS_LOCAL_NETWORK='x'"),
        ("HOSTS", "https://a.example", "'https://a.example' is no host name"),
        ("HOSTS", "a.example:5000", "'a.example:5000' is no host name"),
        ("HOSTS", "*", "'*' is no host name"),
        ("TRUSTED_PROXIES", "proxy.example", "'proxy.example' is no address or network"),
        ("TRUSTED_PROXIES", "10.0.0.5, 10.0.0.5/24", "'10.0.0.5/24' is no address or network"),
        ("TRUSTED_PROXIES", "0.0.0.0/0", "'0.0.0.0/0' is no address or network"),
        ("GIT_HOSTS", "git.example/x", "'git.example/x' is no host"),
        ("API_TOKEN", "short", "at least 16 visible"),
        ("API_TOKEN", "with a blank inside it", "at least 16 visible"),
        ("API_TOKEN", "ééééééééééééééééééé", "at least 16 visible"),
        ("SNAPSHOTS", "-1", "must be 0 (none) or how many are kept"),
        ("PROXMOX_TIMEOUT", "0", "must be at least 1"),
        ("PROXMOX_PATIENCE", "0", "must be at least 1"),
        ("PROXMOX_ADDRESSES", "10.0.0.20", "must be dhcp or look like"),
        ("PROXMOX_ADDRESSES", "10.0.0.99-10.0.0.20/24", "must go upwards"),
        ("PROXMOX_ADDRESSES", "10.0.0.2-10.0.0.9/24,gw=10.0.0.5", "inside the range for guests"),
        ("PROXMOX_VMIDS", "100000", "must look like 100000-199999"),
        ("PROXMOX_VMIDS", "200-100", "must go upwards"),
        ("PROXMOX_VMIDS", "99-200", "lie between 100 and 999999999"),
        ("PROXMOX_VMIDS", "٣٠٠-٣٩٩", "must look like 100000-199999"),
        ("PROXMOX_STORAGE", "local lvm", "is no name as Proxmox has them"),
        ("PROXMOX_BRIDGE", "vmbr0,firewall=0", "is no name as Proxmox has them"),
        ("PROXMOX_POOL", "/paas", "is no name as Proxmox has them"),
        ("PROXMOX_NODES", "pve1,pve/2", "'pve/2' is no name of a node"),
        ("PROXMOX_DNS", "10.0.0.1,dns.example", "'dns.example' is no address"),
        ("PROXMOX_SSH_FROM", "10.0.0.5/24", "'10.0.0.5/24' is no address or network"),
        ("PROXMOX_REACHABLE", "10.0.0.5/24", "'10.0.0.5/24' is no IPv4 address or network"),
        ("PROXMOX_REACHABLE", "fd00::5", "'fd00::5' is no IPv4 address or network"),
        ("PROXMOX_ADDRESSES", "dhcp,net=10.0.0.1/24", "must be dhcp or look like dhcp,net="),
        ("PROXMOX_VLAN", "4095", "must be 1 to 4094"),
        ("PROXMOX_CA_FILE", "/nonexistent/ca.pem", "there is no such file to read"),
        ("PROXMOX_UNLOCK_KEY", "/", "there is no such file to read"),
        ("GUEST_CA_FILE", "/nonexistent/ca.pem", "there is no such file to read"),
        ("GUEST_APT_MIRROR", "mirror.example", "must be a URL"),
        ("GUEST_PROXY", "http://a b", "must be a URL"),
    ],
)
def test_what_is_refused_is_named(name: str, value: str, part: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(**{name: value})
    assert f"PAAS_{name}" in str(raised.value)
    assert part in str(raised.value)


def test_everything_broken_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        read(PORT="x", WORKERS="y", LOCAL_UNSAFE="z")
    assert all(name in str(raised.value) for name in ("PORT", "WORKERS", "LOCAL_UNSAFE"))
    with pytest.raises(SettingsError) as raised:
        read(PORT="70000", WORKERS="0", LOG_LEVEL="z")
    assert all(name in str(raised.value) for name in ("PORT", "WORKERS", "LOG_LEVEL"))


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("PROXMOX_URL", "", "must look like https://pve.example.com:8006"),
        ("PROXMOX_URL", "http://pve.example.com:8006", "must look like https"),
        ("PROXMOX_URL", "https://root:secret@pve.example.com", "must look like https"),
        ("PROXMOX_URL", "https://pve.example.com/api2/json", "must look like https"),
        ("PROXMOX_TOKEN", "", "must look like user@realm!name=secret"),
        ("PROXMOX_TOKEN", "paas@pve=0123456789", "must look like user@realm!name=secret"),
        ("PROXMOX_FINGERPRINT", "ab:cd", "32 pairs of hexadecimal digits"),
        ("PROXMOX_LXC_TEMPLATE", "debian-12.tar.zst", "must be a volume id"),
        ("PROXMOX_VM_TEMPLATE", "99", "is no vmid"),
    ],
)
def test_what_target_proxmox_refuses(name: str, value: str, part: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(**{**PROXMOX, name: value})
    assert f"PAAS_{name}" in str(raised.value)
    assert part in str(raised.value)


def test_target_proxmox_may_serve_the_network() -> None:
    settings = read(
        **PROXMOX,
        HOST="0.0.0.0",
        PROXMOX_NODES="pve1, 2nd-node",
        PROXMOX_FINGERPRINT=":".join(["aB"] * 32),
        PROXMOX_ADDRESSES="10.0.0.20-10.0.0.99/24,gw=10.0.0.1",
    )
    assert settings.proxmox_nodes == ("pve1", "2nd-node")
    assert vmids(settings.proxmox_vmids) == range(100_000, 200_000)


def test_how_proxmox_is_reached_matters_to_its_target_alone() -> None:
    assert read(PROXMOX_URL="nonsense", PROXMOX_LXC_TEMPLATE="nonsense").target == "local"


@pytest.mark.parametrize(
    "name",
    ["API_TOKEN", "DATABASE_URL", "REDIS_URL", "PROXMOX_TOKEN", "GUEST_PROXY", "GUEST_PIP_INDEX"],
)
def test_no_message_repeats_a_secret(name: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(**{name: "s3cret\nvalue", "PORT": "x"})
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.5.5.5", "localhost", "::1"])
def test_loopback_addresses(host: str) -> None:
    assert read(HOST=host).binds_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "paas.example.org"])
def test_local_serves_the_network_only_when_told_to(host: str) -> None:
    with pytest.raises(SettingsError, match="PAAS_LOCAL_UNSAFE=1"):
        read(HOST=host)
    assert not read(HOST=host, LOCAL_UNSAFE="1").binds_loopback


def test_the_default_instance_logs_in_the_checkout(tmp_path: Path) -> None:
    assert Settings(instance=CHECKOUT / "instance").log_folder == CHECKOUT / "logs"
    assert Settings(instance=tmp_path).log_folder == tmp_path / "logs"


def test_no_rule_repeats_the_token_of_proxmox() -> None:
    with pytest.raises(SettingsError) as raised:
        read(**{**PROXMOX, "PROXMOX_TOKEN": "s3cret-without-a-user"})
    assert "s3cret" not in str(raised.value)


def test_the_limit_of_a_body_in_bytes() -> None:
    assert read(BODY_LIMIT_KB="2").body_limit == 2048
