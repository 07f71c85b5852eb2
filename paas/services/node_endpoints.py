"""Hosts of their own that are added while the platform runs."""

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from paas.domain.errors import Conflict, Invalid, PaasError
from paas.domain.nodes import NodeState, WorkerSpec
from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.engine import heartbeat
from paas.engine.platform import Platform
from paas.services import node_provisioning, proxmox_doctor, proxmox_places
from paas.services.allowed import needs
from paas.store import audit, endpoints, nodes
from paas.store.commerce import Node
from paas.targets.proxmox import survey
from paas.targets.proxmox.site import access_elsewhere
from paas.tools import proxmox_rights
from paas.tools.proxmox import Proxmox
from paas.tools.proxmox_access import API_PORT

RESERVED = ("local", "proxmox")
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
TOKEN = re.compile(r"[!-~]{1,64}@[a-z][A-Za-z0-9._-]*![A-Za-z][A-Za-z0-9._-]*=[!-~]{1,128}")
FINGERPRINT = re.compile(r"(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}")
PEM = "-----BEGIN CERTIFICATE-----"


def brings_a_way(spec: WorkerSpec) -> bool:
    """Whether the request says how a host of its own is reached."""
    return bool(spec.api_token or spec.auto_provision)


def is_own(member: Node, spec: WorkerSpec) -> bool:
    """Whether the request gives a host that is known a new way to it, such as a new token."""
    return brings_a_way(spec) and member.endpoint == spec.name and spec.name not in RESERVED


@needs(Permission.ADMIN_WRITE)
def connect(platform: Platform, actor: Actor, spec: WorkerSpec) -> tuple[str, ...]:
    """Make the host ready if it is asked for, look at it, and keep the way to it, sealed."""
    _check(platform, spec)
    access = _way(platform, spec)
    proxmox = Proxmox(access_elsewhere(platform.settings, spec.name, access))
    identity = _expect_usable(platform, proxmox, spec, access["token"])
    sealed = platform.store.vault.seal_map(access)
    with platform.store.write() as session:
        known = endpoints.named(session, spec.name)
        if known is not None and known.identity != identity:
            raise Conflict(
                f"{spec.name} was {known.identity}, and {spec.ip_address} is {identity}. Give it "
                "another name"
            )
        endpoints.add(session, spec.name, access["url"], identity, sealed)
        audit.record(
            session, actor, "node.add", "endpoint", spec.name,
            address=spec.ip_address, provisioned=spec.auto_provision,
        )  # fmt: skip
    target = next(one for one in platform.elsewhere() if one.endpoint == spec.name)
    heartbeat.meet(platform, target)
    with platform.store.write() as session:
        for row in nodes.of(session, spec.name):
            row.state = NodeState.ACTIVE
        names = [row.name for row in nodes.of(session, spec.name)]
    return tuple(one for name in names for one in _lacks(platform, proxmox, name))


def _check(platform: Platform, spec: WorkerSpec) -> None:
    if platform.settings.target != "proxmox":
        raise Conflict(
            "This platform makes its guests on its own machine (PAAS_TARGET=local), which is its "
            "only worker. Set PAAS_TARGET=proxmox to have others"
        )
    broken = list(_broken(spec))
    if broken:
        raise Invalid(broken)


def _broken(spec: WorkerSpec) -> Iterator[str]:
    """What keeps the request from being one for a host of its own."""
    if not brings_a_way(spec):
        yield (
            f"No known cluster has a node {spec.name}. For a host of its own give api_token with "
            "fingerprint or ca, or auto_provision with ssh_key"
        )
        return
    if spec.name in RESERVED or not NAME.fullmatch(spec.name):
        yield "Invalid name. Must be a name in lower case, and not local or proxmox"
    if not _is_address(spec.ip_address):
        yield "Invalid ip_address. Must be the address of the host"
    if spec.auto_provision and not spec.ssh_key:
        yield "Invalid ssh_key. Must be a private key, for auto_provision uses it once"
    if spec.auto_provision:
        return
    if not TOKEN.fullmatch(spec.api_token):
        yield "Invalid api_token. Must be user@realm!name=secret"
    if bool(spec.fingerprint) == bool(spec.ca):
        yield "Invalid fingerprint. Give it or ca, so that the host is known for sure"
    elif spec.fingerprint and not FINGERPRINT.fullmatch(spec.fingerprint):
        yield "Invalid fingerprint. Must be the SHA-256 of the host's certificate, in hexadecimal"
    elif spec.ca and PEM not in spec.ca:
        yield "Invalid ca. Must be a certificate in PEM"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _way(platform: Platform, spec: WorkerSpec) -> dict[str, str]:
    """How the host is reached from now on."""
    host = f"[{spec.ip_address}]" if ":" in spec.ip_address else spec.ip_address
    url = f"https://{host}:{API_PORT}"
    if spec.auto_provision:
        made = node_provisioning.provision(platform, spec)
        return {"url": url, "token": made.token, "fingerprint": made.fingerprint, "ca": ""}
    known = {"fingerprint": spec.fingerprint, "ca": spec.ca}
    return {"url": url, "token": spec.api_token, **known}


def _expect_usable(platform: Platform, proxmox: Proxmox, spec: WorkerSpec, token: str) -> str:
    """What the host calls itself, when its token has all rights and no other name leads there."""
    version = str(proxmox.get("/version")["version"])
    major = int(version.partition(".")[0])
    if major not in proxmox_doctor.KNOWN_VERSIONS:
        raise Conflict(f"{spec.ip_address} has Proxmox VE {version}, which is not known")
    lacking = list(_lacking(platform, proxmox, token, major))
    if lacking:
        raise Conflict(" ".join(lacking))
    status = proxmox.get("/cluster/status")
    identity = survey.identity(status)
    with platform.store.read() as session:
        same = [one for one in endpoints.like(session, identity) if one.name != spec.name]
    for one in same:
        if identity.startswith("cluster ") or urlsplit(one.url).hostname == spec.ip_address:
            raise Conflict(
                f"{spec.ip_address} is {identity}, which is known as {one.name} already. Add its "
                "node by its own name alone"
            )
    return identity


def _lacking(platform: Platform, proxmox: Proxmox, token: str, major: int) -> Iterator[str]:
    site = proxmox_doctor.site_of(platform.settings, major, token.partition("=")[0])
    for grant in proxmox_rights.grants(site):
        held = proxmox.get("/access/permissions", path=grant.path)
        if missing := proxmox_rights.lacking(grant, held):
            command = proxmox_rights.mend(grant, missing, site.token)
            yield f"The token lacks {', '.join(missing)} on {grant.path}. {command}"


def _lacks(platform: Platform, proxmox: Proxmox, node: str) -> Iterator[str]:
    """What guests would miss there, in sentences; it can be mended later."""
    checks = (proxmox_places.storage, proxmox_places.lxc_template, proxmox_places.bridge)
    for check in checks:
        try:
            findings = list(check(platform.settings, proxmox, node))
        except PaasError as error:
            yield error.message
            continue
        yield from (f"{one.says} {one.mend}".strip() for one in findings if not one.ok)
