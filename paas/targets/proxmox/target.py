"""What both kinds of guests on Proxmox have in common: made by Terraform, entered by SSH."""

import copy
import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, Self

from paas.domain.errors import ForeignGuest, StepFailed, Unreachable
from paas.domain.specs import BuildPlan, GuestSpec, ReleaseSpec, Resources
from paas.domain.views import Difference
from paas.targets.contract import (
    Connection,
    Contact,
    Health,
    Machine,
    Place,
    Presence,
    Reserved,
    RuntimeLine,
    Standing,
    Stop,
    Wanted,
)
from paas.targets.proxmox import addresses, drift, marker, modules, places, states, survey
from paas.targets.proxmox.machines import machines
from paas.targets.proxmox.neighbours import bridges, expect_among, look
from paas.targets.proxmox.parts import parts
from paas.targets.proxmox.power import Power
from paas.targets.proxmox.presence import Guests
from paas.targets.proxmox.removal import Removal
from paas.targets.proxmox.site import Site
from paas.tools.proxmox import Proxmox, provider_environment
from paas.tools.proxmox_errors import from_provider

ROOT = Path(__file__).resolve().parents[3]
SSH_PORT = 22
PAUSE = 0.25
# What the provider says when waiting helps: locks, quorum, a node or a connection that is away.
PASSING = re.compile(
    r"can't lock file|got lock timeout|got timeout|unable to acquire lock|is locked"
    r"|no quorum|cluster not ready|\b59[5-9]\b|HTTP 50[234]|Bad Gateway|Gateway Time-?out"
    r"|[Cc]onnection (reset|refused|timed out)|No route to host|no route to host"
    r"|i/o timeout|TLS handshake timeout|Client\.Timeout|context deadline exceeded"
    r"|unexpected EOF|: EOF\b|Service Unavailable|temporarily unavailable"
)


class Interior(Protocol):
    """What happens inside a guest, over SSH; ``guest.address`` is where it is entered."""

    def warm_up(self, guest: GuestSpec, plan: BuildPlan | None) -> None: ...
    def wait_ready(self, guest: GuestSpec, address: str, deadline: float) -> Contact: ...
    def connection(self, guest: GuestSpec) -> Connection: ...
    def variables(self, guest: GuestSpec, release: ReleaseSpec) -> Mapping[str, object]: ...
    def health(self, guest: GuestSpec, release: ReleaseSpec) -> Health: ...
    def switch(self, guest: GuestSpec, release: ReleaseSpec) -> None: ...
    def serves(self, guest: GuestSpec) -> int | None: ...
    def retire(self, guest: GuestSpec, release: ReleaseSpec) -> None: ...
    def tidy(self, guest: GuestSpec, kept: Collection[ReleaseSpec]) -> None: ...
    def start_app(self, guest: GuestSpec) -> None: ...
    def runtime_log(
        self, guest: GuestSpec, *, limit: int, since: str = "", search: str = ""
    ) -> Iterator[RuntimeLine]: ...


class ProxmoxTarget:
    """Implements ``paas.targets.contract.Target`` but for what a kind of guest is made from."""

    name: str
    kind: str
    module: Path
    playbook = ROOT / "ansible" / "guest.yml"

    def __init__(self, site: Site, inside: Interior, proxmox: Proxmox | None = None) -> None:
        self.site = site
        self.inside = inside
        self.vmids = site.vmids
        self.endpoint = site.endpoint
        self.url = site.access.endpoint
        self._work_with(proxmox or Proxmox(site.access))

    def _work_with(self, proxmox: Proxmox) -> None:
        self.proxmox = proxmox
        self.guests = Guests(proxmox, self.site, self.kind)
        self.power = Power(self.guests)
        self._removal = Removal(self.guests, self.power)

    def during(self, stop: Stop) -> Self:
        bound = copy.copy(self)
        bound._work_with(self.proxmox.during(stop))
        return bound

    # What a kind of guest is made from.

    def template(self) -> Mapping[str, Any]:
        """``frozen``: what is kept of the template; ``nodes``: where it can be used."""
        raise NotImplementedError

    def missing_template(self) -> str:
        """A sentence when the settings name no template for this kind; else empty."""
        raise NotImplementedError

    def values(self, guest: GuestSpec) -> Mapping[str, object]:
        raise NotImplementedError

    def lock_name(self, guest: GuestSpec) -> str:
        raise NotImplementedError

    # What is asked of every target.

    def identity(self) -> str:
        return survey.identity(self.proxmox.get("/cluster/status"))

    def succeeds(self, known: str) -> bool:
        return survey.grew(known, self.proxmox.get("/cluster/status"))

    def refusals(self, framework: str) -> list[str]:  # noqa: ARG002 (guests are given runtimes)
        return [missing] if (missing := self.missing_template()) else []

    def plan_refusals(self, plan: BuildPlan) -> list[str]:  # noqa: ARG002 (the guest tells)
        return []

    # Places.

    def machines(self) -> Sequence[Machine]:
        return machines(self.proxmox, self.site)

    def survey(self) -> survey.Survey:
        status = self.proxmox.get("/cluster/status")
        rows = self.proxmox.resources()
        storages = survey.rooms(self.proxmox, self.site)
        rooms = storages[self.site.storage]
        return survey.Survey(
            nodes=rooms,
            storages=storages,
            guests=survey.present(rows),
            vmids=frozenset(int(row["vmid"]) for row in rows),
            apis=survey.addresses(status, self.site.access.host),
            template=self.template(),
            bridges=() if self.site.addresses else bridges(self.proxmox, self.site.nodes),
        )

    def place(self, wanted: Wanted, reserved: Sequence[Reserved], survey: object) -> Place:
        return places.choose(self.site, self.kind, wanted, reserved, _checked(survey))

    def sizes(self, guest: GuestSpec, asked: Resources) -> Resources:
        return modules.sizes(self.kind, asked, guest.frozen)

    def taken_vmids(self, survey: object) -> frozenset[int]:
        return _checked(survey).vmids

    def check_free(self, guest: GuestSpec) -> None:
        if guest.address and addresses.answers(guest.address, (SSH_PORT, guest.port)):
            raise ForeignGuest(
                f"{guest.address} is in use by a machine that is not ours, though it lies in "
                "PAAS_PROXMOX_ADDRESSES"
            )

    # Making and removing.

    def environment(self, folder: Path) -> Mapping[str, str]:
        return provider_environment(self.site.access, folder)

    def is_passing(self, message: str) -> bool:
        return PASSING.search(message) is not None

    def meaning(self, message: str) -> str:
        access = self.site.access
        error = from_provider(message, token=access.token_id, pool=self.site.pool)
        return error.message if error else ""

    def observe(self, guest: GuestSpec) -> Presence:
        return self.guests.observe(guest)

    def node_of(self, guest: GuestSpec) -> str:
        try:
            spot = self.proxmox.find(guest.vmid)
        except Unreachable:
            return guest.node
        return spot.node if spot else guest.node

    def moved_state(self, state: bytes, node: str) -> bytes:
        return states.moved(state, node)

    def under_way(self, guest: GuestSpec) -> Sequence[str]:
        return self.guests.under_way(guest)

    def imports(self, guest: GuestSpec) -> Mapping[str, str]:
        if self.observe(guest) is not Presence.OURS:
            return {}
        return parts(self.proxmox, self.kind, guest)

    def remove(self, guest: GuestSpec) -> None:
        self._removal.remove(guest)

    def standing(self) -> Sequence[Standing]:
        status = self.proxmox.get("/cluster/status")
        near = look(self.proxmox, self.site.named, self.site.nodes)
        common = {
            "pool": self.site.pool,
            "guests": list(near.hosts),
            "routers": list(near.routers),
            "nodes": list(survey.addresses(status, self.site.access.host)),
        }
        found = drift.standing(self.guests)
        return [replace(one, frozen={**one.frozen, **common}) for one in found]

    def differences(self, guest: GuestSpec) -> Sequence[Difference]:
        values = self.values(guest)
        cores, memory, disk = (int(str(values[name])) for name in ("cores", "memory", "disk"))
        limit = float(str(values["cpu_limit"])) or None
        wanted = Resources(cores, memory, disk, limit)
        return drift.differences(self.guests, guest, wanted)

    # Configuring and serving.

    def warm_up(self, guest: GuestSpec, plan: BuildPlan | None) -> None:
        self.inside.warm_up(guest, plan)

    def wait_ready(self, guest: GuestSpec, deadline: float) -> Contact:
        end = time.monotonic() + deadline
        self.power.start(guest)
        address = guest.address if guest.frozen.get("prefix") else self._given(guest, end)
        contact = self.inside.wait_ready(guest, address, max(1.0, end - time.monotonic()))
        return Contact(address=address, host_key=contact.host_key)

    def _given(self, guest: GuestSpec, end: float) -> str:
        """The address that DHCP has given; the guest may still be starting."""
        mac = marker.mac(guest.marker)
        while True:
            spot = self.guests.expect(guest)
            if address := addresses.given(self.proxmox, spot, guest.vmid, mac):
                hosts = modules.refused(self.site, guest.frozen)
                return expect_among(address, hosts, guest.hostname)
            if time.monotonic() > end:
                raise StepFailed(self._no_address(guest))
            self.proxmox.pause(PAUSE)

    def _no_address(self, guest: GuestSpec) -> str:
        raise NotImplementedError

    def connection(self, guest: GuestSpec) -> Connection:
        return self.inside.connection(guest)

    def variables(self, guest: GuestSpec, release: ReleaseSpec) -> Mapping[str, object]:
        return self.inside.variables(guest, release)

    def health(self, guest: GuestSpec, release: ReleaseSpec) -> Health:
        return self.inside.health(guest, release)

    def switch(self, guest: GuestSpec, release: ReleaseSpec) -> None:
        self.proxmox.keep_on()
        self.inside.switch(guest, release)

    def serves(self, guest: GuestSpec) -> int | None:
        return self.inside.serves(guest)

    def retire(self, guest: GuestSpec, release: ReleaseSpec) -> None:
        presence, spot = self.guests.look(guest)
        if presence is Presence.OURS and spot and spot.status == "running":
            self.proxmox.keep_on()
            self.inside.retire(guest, release)

    def tidy(self, guest: GuestSpec, kept: Collection[ReleaseSpec]) -> None:
        self.proxmox.keep_on()
        self.inside.tidy(guest, kept)

    # Power and snapshots.

    def stop(self, guest: GuestSpec) -> None:
        self.power.stop(guest)

    def shutdown(self, guest: GuestSpec, seconds: float) -> None:
        self.power.shutdown(guest, seconds)

    def start(self, guest: GuestSpec) -> None:
        contact = self.wait_ready(guest, self.site.task_seconds)
        known = replace(guest, address=contact.address, host_key=contact.host_key)
        self.proxmox.keep_on()
        self.inside.start_app(known)

    def restart(self, guest: GuestSpec) -> None:
        self.stop(guest)
        self.start(guest)

    def revive(self, guest: GuestSpec) -> bool:  # noqa: ARG002 (its own system keeps apps running)
        return False

    def snapshot(self, guest: GuestSpec, name: str) -> bool:
        return self.power.snapshot(guest, name)

    def restore(self, guest: GuestSpec, name: str) -> None:
        self.power.restore(guest, name)

    def prune_snapshots(self, guest: GuestSpec, keep: int) -> None:
        self.power.prune(guest, keep)

    # Reading.

    def runtime_log(
        self, guest: GuestSpec, *, limit: int, since: str = "", search: str = ""
    ) -> Iterator[RuntimeLine]:
        return self.inside.runtime_log(guest, limit=limit, since=since, search=search)


def _checked(given: object) -> survey.Survey:
    if not isinstance(given, survey.Survey):
        raise TypeError("place() needs what survey() gave")
    return given
