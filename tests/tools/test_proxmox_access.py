"""How Proxmox is known: authorities, a pinned certificate, neither; and the same for Terraform."""

import logging
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from paas.tools import proxmox_access
from paas.tools.proxmox import Access, Proxmox, Unreachable, provider_environment
from tests.lab.pve import LabPve

from .proxmox import cluster

WRONG = ":".join(["00"] * 32)


@pytest.fixture(scope="module")
def ready() -> Iterator[tuple[LabPve, Access]]:
    with cluster() as made:
        yield made


@pytest.fixture
def pve(ready: tuple[LabPve, Access]) -> LabPve:
    return ready[0]


@pytest.fixture
def access(ready: tuple[LabPve, Access]) -> Access:
    return ready[1]


def refused(access: Access) -> str:
    with pytest.raises(Unreachable) as caught:
        Proxmox(access).nodes()
    return str(caught.value)


def test_the_authority_is_believed_and_no_other(pve: LabPve, access: Access) -> None:
    assert len(Proxmox(access).nodes()) == 2
    message = refused(replace(access, ca_file=""))
    assert "is not verified by this machine's authorities" in message
    assert "PAAS_PROXMOX_CA_FILE" in message
    other = pve.folder / "other.pem"
    other.write_text(Path(proxmox_access.requests.certs.where()).read_text())
    assert f"the authority in {other}" in refused(replace(access, ca_file=str(other)))


def test_the_pinned_certificate_is_believed_and_no_other(pve: LabPve, access: Access) -> None:
    pinned = replace(access, ca_file="", fingerprint=pve.fingerprint)
    assert len(Proxmox(pinned).nodes()) == 2
    plain = replace(pinned, fingerprint=pve.fingerprint.replace(":", "").lower())
    assert len(Proxmox(plain).nodes()) == 2
    message = refused(replace(access, fingerprint=WRONG))
    assert pve.fingerprint in message
    assert "openssl x509" in message


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_switching_verification_off_is_loud_once(access: Access) -> None:
    proxmox_access._say_insecure.cache_clear()
    with capture_logs() as logs:
        for _ in range(2):
            assert Proxmox(replace(access, ca_file="", insecure=True)).nodes()
    assert [(one["log_level"], "NOT VERIFIED" in one["event"]) for one in logs] == [
        ("warning", True)
    ]


def test_nobody_there_is_said_in_words(access: Access) -> None:
    away = replace(access, url="https://127.0.0.1:1")
    assert refused(away) == (
        "Proxmox at https://127.0.0.1:1 does not answer (connection refused), while listing the "
        "nodes."
    )


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://pve.example.com", "https://pve.example.com:8006"),
        ("https://pve.example.com:443/", "https://pve.example.com:443"),
        ("https://[fd00::1]:8006", "https://[fd00::1]:8006"),
    ],
)
def test_a_url_without_a_port_means_proxmoxs_own(url: str, endpoint: str) -> None:
    access = Access(url, "paas@pve!platform=secret-secret")
    assert access.endpoint == endpoint
    api = proxmox_access.connect(access)
    assert api._store["base_url"] == f"{endpoint}/api2/json"


def test_terraform_is_told_the_same(pve: LabPve, access: Access, tmp_path: Path) -> None:
    given = provider_environment(access, tmp_path)
    assert given == {
        "PROXMOX_VE_ENDPOINT": f"{pve.url}/",
        "PROXMOX_VE_API_TOKEN": access.token,
        "PROXMOX_VE_INSECURE": "false",
        "SSL_CERT_FILE": access.ca_file,
        "SSL_CERT_DIR": str(tmp_path / "no-certificates"),
    }
    assert list((tmp_path / "no-certificates").iterdir()) == []
    assert provider_environment(access, tmp_path) == given
    bare = provider_environment(replace(access, ca_file=""), tmp_path)
    assert "SSL_CERT_FILE" not in bare
    loose = provider_environment(replace(access, insecure=True), tmp_path)
    assert loose["PROXMOX_VE_INSECURE"] == "true"
    assert "SSL_CERT_FILE" not in loose


def test_terraform_is_given_the_pinned_certificate(
    pve: LabPve, access: Access, tmp_path: Path
) -> None:
    pinned = replace(access, ca_file="", fingerprint=pve.fingerprint)
    given = provider_environment(pinned, tmp_path)
    text = Path(given["SSL_CERT_FILE"]).read_text()
    server = ssl.get_server_certificate((pinned.host, pinned.port))
    assert ssl.PEM_cert_to_DER_cert(text) == ssl.PEM_cert_to_DER_cert(server)
    with pytest.raises(Unreachable, match="is not the one"):
        provider_environment(replace(access, fingerprint=WRONG), tmp_path)
    with pytest.raises(Unreachable, match="does not answer"):
        provider_environment(replace(pinned, url="https://127.0.0.1:1"), tmp_path)


def test_a_pinned_certificate_must_name_the_host_for_terraforms_sake(
    pve: LabPve, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = replace(access, ca_file="", fingerprint=pve.fingerprint)
    text = proxmox_access.pinned_certificate(pinned)
    names = proxmox_access.certificate_names(text)
    assert pve.host in names
    monkeypatch.setattr(proxmox_access, "certificate_names", lambda _text: ["pve1.example.com"])
    with pytest.raises(Unreachable, match=r"is for pve1\.example\.com only"):
        proxmox_access.pinned_certificate(pinned)


@pytest.mark.parametrize(
    ("host", "names", "is_named"),
    [
        ("pve1.example.com", ["PVE1.example.com"], True),
        ("pve1.example.com", ["*.example.com"], True),
        ("a.pve1.example.com", ["*.example.com"], False),
        ("10.0.0.5", ["10.0.0.5"], True),
        ("10.0.0.5", ["*.0.0.5"], False),
        ("fd00::1", ["fd00::1"], True),
        ("pve1", [], False),
    ],
)
def test_names_are_compared_as_tls_does(host: str, names: list[str], is_named: bool) -> None:
    assert proxmox_access._is_named(host, names) is is_named


def test_no_library_logs_the_token(
    pve: LabPve, access: Access, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        Proxmox(access).nodes()
    assert "/api2/json/nodes" in caplog.text
    assert access.token.partition("=")[2] not in caplog.text
