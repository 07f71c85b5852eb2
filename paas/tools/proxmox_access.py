"""How Proxmox is reached: token, verified TLS, and the same for Terraform's provider."""

import hashlib
import ipaddress
import json
import os
import re
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import structlog
from cryptography import x509
from proxmoxer import ProxmoxAPI
from proxmoxer.backends.https import JsonSerializer
from requests.adapters import HTTPAdapter

from paas.domain.errors import Unreachable

log = structlog.get_logger(__name__)
API_PORT = 8006
PINNED = "proxmox-ca.pem"
NO_OTHERS = "no-certificates"


@dataclass(frozen=True)
class Access:
    """Where Proxmox is and how it is known. ``token`` is ``user@realm!name=secret``.

    ``fingerprint`` is the SHA-256 of the server's certificate in hexadecimal, with or without
    colons; it takes the place of ``ca_file``. With neither, the machine's own authorities count.
    ``timeout`` is for how many seconds a connection, or the next part of an answer, may keep us
    waiting. ``pool`` is named in sentences about missing rights.
    """

    url: str
    token: str = field(repr=False)
    ca_file: str = ""
    fingerprint: str = ""
    insecure: bool = False
    timeout: float = 30.0
    pool: str = ""

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or API_PORT

    @property
    def endpoint(self) -> str:
        """The URL with its port, without a path; never with a secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"

    @property
    def token_id(self) -> str:
        """``user@realm!name``, which may be shown."""
        return self.token.partition("=")[0]

    @property
    def pinned(self) -> str:
        """The fingerprint in lower case without colons; empty when none is set."""
        return self.fingerprint.replace(":", "").lower()


class _Pinning(HTTPAdapter):
    """Knows the server by its certificate's fingerprint alone, whoever signed it."""

    def __init__(self, fingerprint: str) -> None:
        self._pins: dict[str, Any] = {
            "assert_fingerprint": fingerprint,
            "assert_hostname": False,
        }
        super().__init__()

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **kwargs: Any
    ) -> None:
        super().init_poolmanager(connections, maxsize, block, **{**kwargs, **self._pins})

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, **kwargs, **self._pins)


class _OwnAuthorities(HTTPAdapter):
    """Trusts what this machine trusts, as Terraform's provider does, and not only the web's."""

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **kwargs: Any
    ) -> None:
        kwargs["ssl_context"] = ssl.create_default_context()
        super().init_poolmanager(connections, maxsize, block, **kwargs)


class NotProxmox(Exception):
    """Whatever answered, it was not the API."""


class _Reader(JsonSerializer):  # type: ignore[misc]
    """Takes answers apart without believing that they are what they should be."""

    def loads(self, response: requests.Response) -> Any:
        try:
            return json.loads(response.content)["data"]
        except (ValueError, LookupError, TypeError):
            raise NotProxmox from None

    def loads_errors(self, response: requests.Response) -> dict[str, Any]:
        try:
            answer = json.loads(response.content)
        except ValueError:
            return {}
        found = answer.get("errors") if isinstance(answer, dict) else None
        return found if isinstance(found, dict) else {}


class Sessions:
    """One connection per thread and process: sessions are not to be shared across either."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._local = threading.local()
        if access.insecure:
            _say_insecure(access.endpoint)

    def get(self) -> Any:
        """This thread's API object of proxmoxer."""
        if getattr(self._local, "pid", None) != os.getpid():
            self._local.api = connect(self.access)
            self._local.pid = os.getpid()
        return self._local.api


@cache
def _say_insecure(endpoint: str) -> None:
    """Once in the life of a process."""
    log.warning(
        "PAAS_PROXMOX_INSECURE=1: THE CERTIFICATE OF PROXMOX IS NOT VERIFIED, AND WHOEVER STANDS "
        "BETWEEN CAN TAKE THE TOKEN",
        url=endpoint,
    )


def connect(access: Access) -> Any:
    """A new API object; nothing is sent yet."""
    user, _, rest = access.token.partition("!")
    name, _, secret = rest.partition("=")
    verify: bool | str = not (access.insecure or access.pinned)
    if verify and access.ca_file:
        verify = access.ca_file
    api = ProxmoxAPI(
        access.host,
        port=access.port,
        user=user,
        token_name=name,
        token_value=secret,
        verify_ssl=verify,
        timeout=access.timeout,
    )
    api._store["serializer"] = _Reader()
    session = api._store["session"]
    session.max_redirects = 0
    if access.pinned and not access.insecure:
        session.mount("https://", _Pinning(access.pinned))
    elif verify is True:
        session.mount("https://", _OwnAuthorities())
    return api


def provider_environment(access: Access, folder: Path) -> Mapping[str, str]:
    """The environment in which Terraform's provider reaches the same Proxmox in the same way.

    It is for plan, apply and destroy. Not for init: with a CA file or a fingerprint it closes
    the way to all other servers, the provider registry included. ``folder`` takes the files that
    it names, and may be used again. Raises ``Unreachable`` when a pinned server does not answer,
    or shows another certificate.
    """
    given = {
        "PROXMOX_VE_ENDPOINT": f"{access.endpoint}/",
        "PROXMOX_VE_API_TOKEN": access.token,
        "PROXMOX_VE_INSECURE": "true" if access.insecure else "false",
    }
    if access.insecure or not (access.pinned or access.ca_file):
        return given
    authority = Path(access.ca_file)
    if access.pinned:
        authority = folder / PINNED
        authority.write_text(pinned_certificate(access))
    # An empty folder in place of the machine's own authorities: only this one counts.
    others = folder / NO_OTHERS
    others.mkdir(exist_ok=True)
    return {**given, "SSL_CERT_FILE": str(authority), "SSL_CERT_DIR": str(others)}


def pinned_certificate(access: Access) -> str:
    """The server's certificate in PEM, when it is the one whose fingerprint is set.

    The provider insists besides that the certificate names the host, so that is looked at too.
    """
    try:
        address = (access.host, access.port)
        text = ssl.get_server_certificate(address, timeout=access.timeout)
    except OSError as error:
        raise Unreachable(
            f"Proxmox at {access.endpoint} does not answer: {error}.", detail=repr(error)
        ) from error
    found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()
    if found != access.pinned:
        raise Unreachable(wrong_fingerprint(access, found))
    names = certificate_names(text)
    if not _is_named(access.host, names):
        raise Unreachable(
            f"The certificate of {access.endpoint} is for {', '.join(names) or 'no name'} only, "
            "and Terraform's provider insists on the name: use one of these in PAAS_PROXMOX_URL."
        )
    return text


def wrong_fingerprint(access: Access, found: str) -> str:
    """The sentence for a server that is not the one that was pinned."""
    shown = ":".join(found[i : i + 2] for i in range(0, len(found), 2)).upper()
    return (
        f"{access.endpoint} shows a certificate with the fingerprint {shown}, which is not the one "
        "in PAAS_PROXMOX_FINGERPRINT. If the certificate was renewed, set the new one; compare it "
        "on the node with `openssl x509 -in /etc/pve/local/pve-ssl.pem -noout -fingerprint "
        "-sha256`."
    )


def untrusted(access: Access, detail: str) -> str:
    """The sentence for a server whose certificate is not verified, with what mends it."""
    if access.pinned:
        found = re.search(r'got "([0-9a-f]{64})"', detail)
        return wrong_fingerprint(access, found[1] if found else "unknown")
    who = f"the authority in {access.ca_file}" if access.ca_file else "this machine's authorities"
    why = re.search(r"certificate verify failed: ([^(\"]*)", detail)
    return (
        f"The certificate of {access.endpoint} is not verified by {who}"
        f"{f' ({why[1].strip()})' if why else ''}. Copy /etc/pve/pve-root-ca.pem from a node and "
        "name it in PAAS_PROXMOX_CA_FILE, or set PAAS_PROXMOX_FINGERPRINT; the URL must name the "
        "node as its certificate does."
    )


def certificate_names(text: str) -> list[str]:
    """The names and addresses that a certificate in PEM is for."""
    certificate = x509.load_pem_x509_certificate(text.encode())
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    names = found.get_values_for_type(x509.DNSName)
    return [*names, *map(str, found.get_values_for_type(x509.IPAddress))]


def _is_named(host: str, names: list[str]) -> bool:
    try:
        return str(ipaddress.ip_address(host)) in names
    except ValueError:
        below = host.lower().partition(".")[2]
        return bool({host.lower(), f"*.{below}"} & {name.lower() for name in names})
