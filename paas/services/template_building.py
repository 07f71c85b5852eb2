"""New templates with languages in them, made from the template that is set."""

import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from paas.domain.errors import Invalid, PaasError, StepFailed
from paas.domain.specs import GuestSpec, Resources
from paas.domain.states import GuestType
from paas.engine.endpoints import vouch
from paas.engine.placing import all_reserved
from paas.engine.platform import Platform
from paas.services.templates import expect_proxmox
from paas.settings import CHECKOUT
from paas.store import guests, nodes
from paas.targets.contract import Place, Presence, Wanted
from paas.targets.proxmox.building import Builder
from paas.targets.proxmox.inside import Inside
from paas.targets.proxmox.target import ProxmoxTarget
from paas.tools import proxmox_rights
from paas.tools.ansible import Playbook, literal
from paas.tools.process import Bench, Leash
from paas.tools.proxmox_rights import Site

LANGUAGES = ("python", "node", "php", "go", "static")
USUAL = ("python", "node", "php")
PLAYBOOK = CHECKOUT / "ansible" / "template.yml"
PORT = 80
READY_SECONDS = 300.0
# A VM's disk is the template's, and so the least that any of its guests can have.
SIZES = {
    GuestType.LXC: Resources(cores=2, memory=1024, disk=8),
    GuestType.VM: Resources(cores=2, memory=1024, disk=5),
}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Built:
    """A new template: ``value`` is what ``setting`` takes; the nodes that can use it."""

    kind: GuestType
    setting: str
    value: str
    nodes: tuple[str, ...]


def build(
    platform: Platform, kind: GuestType, languages: Sequence[str], base: str, say: Say
) -> Built:
    """Make a guest from ``base`` (empty: the template that is set), and a template of that.

    The guest is on no books but carries our marker; it is removed again whatever happens.
    """
    expect_proxmox(platform.settings)
    if unknown := [name for name in languages if name not in LANGUAGES]:
        known = ", ".join(LANGUAGES)
        raise Invalid([f"There is no language {name}; there are {known}." for name in unknown])
    target = _target(platform, kind, base)
    vouch(platform, target)
    if kind is GuestType.LXC:
        _expect_rights(target)
    guest = _reserve(platform, target, kind)
    with _removed_again(target, guest, say) as keep:
        return _Work(platform, target, languages, say).run(guest, keep)


def _target(platform: Platform, kind: GuestType, base: str) -> ProxmoxTarget:
    found = platform.target_for(kind)
    if not isinstance(found, ProxmoxTarget):
        raise PaasError(f"Target {found.name} has no templates.")
    if not base:
        return found
    if kind is GuestType.VM and not base.isdigit():
        raise Invalid([f"{base!r} is no vmid, which a VM's template is named by."])
    named = {"lxc_template": base} if kind is GuestType.LXC else {"vm_template": int(base)}
    return type(found)(replace(found.site, **named), found.inside, found.proxmox)


def _expect_rights(target: ProxmoxTarget) -> None:
    """Uploading needs a right that nothing else does; look before anything is made."""
    site = target.site
    storage = site.lxc_template.partition(":")[0]
    about = Site(site.access.token_id, site.pool, site.storage, site.bridge, storage)
    for grant in proxmox_rights.grants(about, building=True):
        if grant.role != proxmox_rights.TEMPLATES:
            continue
        held = target.proxmox.get("/access/permissions", path=grant.path)
        if missing := proxmox_rights.lacking(grant, held):
            command = proxmox_rights.mend(grant, missing, about.token)
            raise PaasError(
                f"The token lacks {', '.join(missing)} on {grant.path}, to {grant.purpose}. Make "
                f"the role as docs/proxmox.md has it, and grant it on a node with `{command}`."
            )


def _reserve(platform: Platform, target: ProxmoxTarget, kind: GuestType) -> GuestSpec:
    """A number that is never used again, and a place; nothing of this is on the books."""
    survey = target.survey()
    with platform.store.write() as session:
        index = guests.next_place(session)
        without = nodes.closed(session).get(target.endpoint, frozenset())
        wanted = Wanted(index, PORT, SIZES[kind], without=without)
        place = target.place(wanted, all_reserved(session), survey)
        vmid = guests.next_vmid(session, place.endpoint, target.vmids)
    return _spec(platform, target, kind, place, vmid)


def _spec(
    platform: Platform, target: ProxmoxTarget, kind: GuestType, place: Place, vmid: int
) -> GuestSpec:
    uuid = str(uuid4())
    guest = GuestSpec(
        uuid=uuid,
        marker=f"{platform.installation}/{uuid}",
        target=target.name,
        endpoint=place.endpoint,
        node=place.node,
        vmid=vmid,
        incarnation=1,
        hostname=f"paas-template-{uuid[:8]}",
        address=place.address,
        port=PORT,
        resources=SIZES[kind],
        guest_type=kind,
        frozen=place.frozen,
        about={"name": "a template that is being built"},
    )
    if target.observe(guest) is not Presence.ABSENT:
        raise StepFailed(f"Guest {vmid} is another's. Try again: the next number is taken then.")
    target.check_free(guest)
    return replace(guest, preflight=time.time())


@contextmanager
def _removed_again(target: ProxmoxTarget, guest: GuestSpec, say: Say) -> Iterator[set[int]]:
    """Remove the guest at the end, unless its vmid is put into what this yields."""
    say(
        f"Guest {guest.vmid} on {guest.node} is made for this, and removed at the end. Should this "
        f"command be killed, `paas remove {guest.vmid}` removes it."
    )
    keep: set[int] = set()
    try:
        yield keep
    finally:
        if guest.vmid not in keep:
            say(f"Removing guest {guest.vmid} ...")
            target.remove(guest)


@dataclass(frozen=True)
class _Work:
    platform: Platform
    target: ProxmoxTarget
    languages: Sequence[str]
    say: Say

    def run(self, guest: GuestSpec, keep: set[int]) -> Built:
        inside = self.target.inside
        if not isinstance(inside, Inside):
            raise PaasError("Templates are built over SSH, which this target does not use.")
        builder = Builder(self.target, inside)
        folder = self.platform.folder("work") / f"template-{guest.uuid}"
        folder.mkdir(mode=0o700, parents=True)
        try:
            self.say(f"Making it from {guest.frozen['template']} ...")
            builder.make(guest)
            ready = self._configured(guest, inside, folder)
            if guest.guest_type is GuestType.VM:
                return self._machine(ready, builder, keep)
            return self._container(ready, builder, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _configured(self, guest: GuestSpec, inside: Inside, folder: Path) -> GuestSpec:
        contact = self.target.wait_ready(guest, READY_SECONDS)
        ready = replace(guest, address=contact.address, host_key=contact.host_key)
        self.say(f"Installing {', '.join(self.languages) or 'what guests need'} ...")
        variables = {
            **inside.template_variables(ready),
            "paas_languages": list(self.languages),
        }
        values = {name: literal(value) for name, value in variables.items()}
        bench = self._bench(f"template-{guest.uuid}")
        playbook = Playbook.start_early(bench, folder / "ansible", playbook=PLAYBOOK)
        playbook.run(values, inside.connection(ready))
        return ready

    def _bench(self, mark: str) -> Bench:
        """No lease can be lost here, so programs live as long as this command does."""
        seconds = float(self.platform.settings.step_timeout)
        return Bench(
            mark,
            self.platform.environment,
            lambda _stream, line: self.say(line),
            leash=Leash(seconds),
            deadline=seconds,
        )

    def _container(self, guest: GuestSpec, builder: Builder, folder: Path) -> Built:
        storage, _, file = str(guest.frozen["template"]).partition(":vztmpl/")
        archive = folder / f"{self._name(file)}.tar.gz"
        self.say("Packing it ...")
        builder.pack(guest, archive)
        size = archive.stat().st_size // (1024 * 1024)
        self.say(f"Uploading {archive.name} ({size} MB) to {storage} ...")
        online = [str(one["node"]) for one in self.target.proxmox.nodes() if _is_online(one)]
        wanted = [one for one in self.target.site.nodes or sorted(online) if one in online]
        nodes = builder.upload(archive, storage, wanted)
        value = f"{storage}:vztmpl/{archive.name}"
        return Built(GuestType.LXC, "PAAS_PROXMOX_LXC_TEMPLATE", value, tuple(nodes))

    def _machine(self, guest: GuestSpec, builder: Builder, keep: set[int]) -> Built:
        rows = self.target.proxmox.resources()
        base = next((row for row in rows if row["vmid"] == guest.frozen["template"]), {})
        self.say("Making it a template ...")
        builder.convert(guest, self._name(str(base.get("name") or "vm")))
        keep.add(guest.vmid)
        value = str(guest.vmid)
        return Built(GuestType.VM, "PAAS_PROXMOX_VM_TEMPLATE", value, (guest.node,))

    def _name(self, base: str) -> str:
        """What the template is made from, what is in it, and when it was made."""
        system = re.split(r"\.tar|_", base)[0].removeprefix("paas-")
        moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        words = "-".join(["paas", system, *self.languages, moment])
        return re.sub(r"[^a-z0-9.-]+", "-", words.lower())


def _is_online(row: dict[str, object]) -> bool:
    return row.get("status") == "online"
