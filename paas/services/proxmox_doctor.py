"""The part of doctor's work that looks at Proxmox: the way to it, its rights, room for guests."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address

from paas.domain.addresses import AddressPool
from paas.domain.errors import PaasError
from paas.services import proxmox_places
from paas.services.findings import Finding
from paas.settings import Settings, environment, vmids
from paas.targets.proxmox.neighbours import look
from paas.targets.proxmox.site import access_of, named_of
from paas.tools import proxmox_rights
from paas.tools.proxmox import Proxmox, Refused, Row
from paas.tools.proxmox_access import pinned_certificate
from paas.tools.proxmox_rights import Grant, Held, Site

KNOWN_VERSIONS = (8, 9)
SHOWN = 8


def site_of(settings: Settings, major: int, token: str = "") -> Site:
    """What a token's rights are for: the settings' one, or the one that is named."""
    return Site(
        token=token or settings.proxmox_token.partition("=")[0],
        pool=settings.proxmox_pool,
        storage=settings.proxmox_storage,
        bridge=settings.proxmox_bridge,
        templates=settings.proxmox_lxc_template.partition(":")[0],
        vm_template=settings.proxmox_vm_template,
        major=major,
        agent=bool(settings.proxmox_vm_template) and named_of(settings).pool is None,
    )


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything that target proxmox needs; nothing is changed."""
    if settings.target != "proxmox":
        return
    proxmox = Proxmox(access_of(settings))
    yield from _insecure(settings)
    yield from _here(settings)
    try:
        version = str(proxmox.get("/version")["version"])
        if proxmox.access.pinned and not proxmox.access.insecure:
            pinned_certificate(proxmox.access)
    except PaasError as error:
        name = "proxmox token" if isinstance(error, Refused) else "proxmox"
        mend = "" if isinstance(error, Refused) else "The settings PAAS_PROXMOX_* say where it is."
        yield Finding(name, False, str(error), mend or "docs/proxmox.md has all commands.")
        return
    yield _version(settings, version)
    first = version.partition(".")[0]
    major = int(first) if first.isdigit() else max(KNOWN_VERSIONS)
    checks: Sequence[tuple[str, Callable[[], Iterator[Finding]]]] = (
        ("rights", partial(_rights, settings, proxmox, major)),
        ("cluster", partial(_cluster, settings, proxmox)),
        ("nodes", partial(_places, settings, proxmox)),
        ("pool", partial(_pool, settings, proxmox)),
        ("guests", partial(_strangers, settings, proxmox)),
        ("firewall", partial(_firewall, proxmox)),
    )
    for name, check in checks:
        yield from _guarded(f"proxmox {name}", check)


def _guarded(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What a check finds; a refusal in the middle of it is a finding too, not the end."""
    try:
        yield from check()
    except PaasError as error:
        yield Finding(name, False, str(error), "See the findings above, and docs/proxmox.md.")


def _insecure(settings: Settings) -> Iterator[Finding]:
    if settings.proxmox_insecure:
        says = (
            "PAAS_PROXMOX_INSECURE=1 IS SET: whoever stands between this machine and "
            f"{settings.proxmox_url} can take the token, and with it every guest."
        )
        mend = "Unset it, and set PAAS_PROXMOX_CA_FILE or PAAS_PROXMOX_FINGERPRINT."
        yield Finding("proxmox insecure", False, says, mend)


def _here(settings: Settings) -> Iterator[Finding]:
    """What is needed on this side: a program to enter guests with, and what to make them from."""
    if not shutil.which("ssh", path=environment().get("PATH")):
        says = "The program ssh is missing, with which Ansible enters guests."
        yield Finding("ssh", False, says, "apt install openssh-client")
    if not settings.proxmox_lxc_template and not settings.proxmox_vm_template:
        says = "No template is set, so no guest can be made."
        mend = "Set PAAS_PROXMOX_LXC_TEMPLATE or PAAS_PROXMOX_VM_TEMPLATE to one that `paas "
        yield Finding("proxmox templates", False, says, f"{mend}templates list` shows.")


def _version(settings: Settings, version: str) -> Finding:
    says = f"Proxmox VE {version} answers at {settings.proxmox_url}, and knows the token."
    major = version.partition(".")[0]
    if major.isdigit() and int(major) in KNOWN_VERSIONS:
        return Finding("proxmox", True, says)
    known = " and ".join(str(number) for number in KNOWN_VERSIONS)
    mend = f"The platform was made for Proxmox VE {known}; use a release of these."
    return Finding("proxmox", False, says, mend)


def _rights(settings: Settings, proxmox: Proxmox, major: int) -> Iterator[Finding]:
    site = site_of(settings, major)
    whole = True
    for grant in proxmox_rights.grants(site):
        held: Held = proxmox.get("/access/permissions", path=grant.path)
        missing = proxmox_rights.lacking(grant, held)
        if missing and not _is_in_other_zone(grant, site, proxmox):
            whole = False
            yield _lack(grant, missing, site)
    if whole:
        yield Finding("proxmox rights", True, f"The token {site.token} has all rights it needs.")


def _is_in_other_zone(grant: Grant, site: Site, proxmox: Proxmox) -> bool:
    """A virtual network of Proxmox's SDN lies in a zone of its own, and its right with it."""
    if grant.role != proxmox_rights.NETWORK:
        return False
    held: Held = proxmox.get("/access/permissions")
    return any(
        path.startswith("/sdn/zones/") and path.endswith(f"/{site.bridge}") and "SDN.Use" in names
        for path, names in held.items()
    )


def _lack(grant: Grant, missing: Sequence[str], site: Site) -> Finding:
    says = f"The token lacks {', '.join(missing)} on {grant.path}, to {grant.purpose}."
    return Finding(
        f"proxmox right {grant.path}", False, says, proxmox_rights.mend(grant, missing, site.token)
    )


def _cluster(settings: Settings, proxmox: Proxmox) -> Iterator[Finding]:
    rows: list[Row] = proxmox.get("/cluster/status")
    clusters = [row for row in rows if row["type"] == "cluster"]
    if not clusters:
        yield Finding("proxmox cluster", True, "It is a host of its own, in no cluster.")
    for row in clusters:
        quorate = bool(row.get("quorate"))
        says = f"The cluster {row['name']} of {row.get('nodes')} nodes has its quorum."
        if quorate:
            yield Finding("proxmox cluster", True, says)
        else:
            says = f"The cluster {row['name']} has lost its quorum: nothing can be changed."
            mend = "Bring enough of its nodes back; `pvecm status` on a node shows which are away."
            yield Finding("proxmox cluster", False, says, mend)
    pool = named_of(settings).pool
    if pool:
        yield _range(pool, [str(row["ip"]) for row in rows if row.get("ip")])
    else:
        yield _by_dhcp(settings, proxmox)


def _by_dhcp(settings: Settings, proxmox: Proxmox) -> Finding:
    bridge, name = settings.proxmox_bridge, "proxmox addresses"
    near = look(proxmox, named_of(settings), settings.proxmox_nodes)
    if near.hosts:
        says = f"Guests get their addresses by DHCP in {', '.join(near.hosts)}: there their "
        return Finding(name, True, f"{says}firewalls refuse all but what they need.")
    says = f"Guests get their addresses by DHCP on {bridge}, and nobody says from which network: "
    says += "nothing is deployed, for no firewall could keep guests from each other."
    mend = "PAAS_PROXMOX_ADDRESSES=dhcp,net=<that network, such as 10.0.0.0/24>"
    return Finding(name, False, says, mend)


def _range(pool: AddressPool, nodes: Sequence[str]) -> Finding:
    taken = [ip for ip in nodes if _is_within(pool, ip)]
    says = f"There are {pool.size} addresses for guests, {pool.first} to {pool.last}."
    if taken:
        mend = "Set PAAS_PROXMOX_ADDRESSES to a range that nothing else uses."
        says = f"{says} Nodes have {', '.join(taken)} of them."
        return Finding("proxmox addresses", False, says, mend)
    return Finding("proxmox addresses", True, says)


def _is_within(pool: AddressPool, ip: str) -> bool:
    found = ip_address(ip)
    return found.version == 4 and int(pool.first) <= int(found) <= int(pool.last)


@dataclass(frozen=True)
class _Nodes:
    """The nodes to use, those of them that are online, and findings about the others."""

    online: list[str]
    findings: list[Finding]


def _chosen_nodes(settings: Settings, proxmox: Proxmox) -> _Nodes:
    there = {str(row["node"]): row.get("status") == "online" for row in proxmox.nodes()}
    wanted = settings.proxmox_nodes or tuple(sorted(there))
    findings = []
    for name in wanted:
        if name not in there:
            says = f"There is no node {name}; there are {', '.join(sorted(there))}."
            mend = "Set PAAS_PROXMOX_NODES to names of nodes."
            findings.append(Finding(f"proxmox node {name}", False, says, mend))
        elif not there[name]:
            mend = "Start it, or leave it out of PAAS_PROXMOX_NODES."
            says = f"Node {name} is offline: nothing can be made there."
            findings.append(Finding(f"proxmox node {name}", False, says, mend))
    online = [name for name in wanted if there.get(name)]
    if online:
        says = f"Guests are made on {', '.join(online)}."
        findings.insert(0, Finding("proxmox nodes", True, says))
    return _Nodes(online, findings)


def _places(settings: Settings, proxmox: Proxmox) -> Iterator[Finding]:
    nodes = _chosen_nodes(settings, proxmox)
    yield from nodes.findings
    for node in nodes.online:
        for check in (proxmox_places.storage, proxmox_places.lxc_template, proxmox_places.bridge):
            yield from _guarded(f"proxmox node {node}", partial(check, settings, proxmox, node))
    if nodes.online and settings.proxmox_vm_template:
        yield from proxmox_places.vm_template(settings, proxmox, nodes.online)


def _pool(settings: Settings, proxmox: Proxmox) -> Iterator[Finding]:
    name = settings.proxmox_pool
    if any(row["poolid"] == name for row in proxmox.get("/pools")):
        yield Finding("proxmox pool", True, f"The pool {name} is there.")
        return
    says = f"The token sees no pool {name}."
    yield Finding("proxmox pool", False, says, f"pveum pool add {name}")


def _strangers(settings: Settings, proxmox: Proxmox) -> Iterator[Finding]:
    """Guests in our range outside of our pool, and in our pool outside of our range."""
    numbers, pool = vmids(settings.proxmox_vmids), settings.proxmox_pool
    guests = proxmox.resources()
    inside = [row for row in guests if row.get("pool") == pool]
    ranged = [row for row in guests if row["vmid"] in numbers and row.get("pool") != pool]
    pooled = [row for row in inside if row["vmid"] not in numbers and not row.get("template")]
    if ranged:
        says = f"In our range {settings.proxmox_vmids} stand guests that are not ours: "
        mend = "They are never touched; set PAAS_PROXMOX_VMIDS to a range that nothing else uses."
        yield Finding("proxmox range", False, f"{says}{_some(ranged)}.", mend)
    if pooled:
        says = f"In our pool {pool} are guests that are not ours: {_some(pooled)}. "
        says += "The token may alter and remove them, though the platform will not."
        numbers_text = ",".join(str(row["vmid"]) for row in pooled)
        mend = f"pveum pool modify {pool} --vms {numbers_text} --delete 1"
        yield Finding("proxmox pool members", False, says, mend)
    if not ranged and not pooled:
        says = f"No stranger's guest is in our range {settings.proxmox_vmids} or in our pool."
        yield Finding("proxmox guests", True, says)


def _some(rows: Sequence[Row]) -> str:
    shown = [f"{row['vmid']} ({row.get('name') or 'no name'})" for row in rows[:SHOWN]]
    more = len(rows) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _firewall(proxmox: Proxmox) -> Iterator[Finding]:
    if proxmox.get("/cluster/firewall/options").get("enable"):
        yield Finding("proxmox firewall", True, "The firewall is on, so the guests' rules hold.")
        return
    says = "The firewall of the datacenter is off: the rules of guests have no effect."
    mend = (
        "Allow what you need to reach the nodes themselves, then on a node: "
        "pvesh set /cluster/firewall/options --enable 1"
    )
    yield Finding("proxmox firewall", False, says, mend)
