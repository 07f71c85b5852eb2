"""Insides of guests that exist in the fake only: what SSH and Ansible would find there."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from paas.domain.specs import BuildPlan, GuestSpec, ReleaseSpec
from paas.targets.contract import Connection, Contact, Health, RuntimeLine
from paas.targets.proxmox.inside import Inside
from paas.targets.proxmox.inside_surroundings import Surroundings
from paas.tools.process import Bench
from paas.tools.ssh import Account, Sessions
from paas.tools.ssh_link import Link, open_link

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q"


@dataclass
class PretendInside:
    """Every guest answers at once, until ``door`` is a port of this machine to knock at.

    Knocking is the real thing: the platform's own words for whom it meets there.
    """

    ssh_key: str
    door: int = 0

    def warm_up(self, guest: GuestSpec, plan: BuildPlan | None) -> None:
        pass

    def wait_ready(self, guest: GuestSpec, address: str, deadline: float) -> Contact:
        if not self.door:
            return Contact(address, HOST_KEY)
        inside = Inside(
            self.ssh_key, Surroundings(), uv=Path("uv"), sessions=Sessions(open_link=self._knock)
        )
        return inside.wait_ready(guest, address, deadline)

    def _knock(self, account: Account, patience: float) -> Link:
        return open_link(replace(account, address="127.0.0.1", port=self.door), patience)

    def connection(self, guest: GuestSpec) -> Connection:
        return Connection({})

    def variables(self, guest: GuestSpec, release: ReleaseSpec) -> Mapping[str, object]:
        return {"paas_runtime_program": "", "paas_dependencies_folder": ""}

    def health(self, guest: GuestSpec, release: ReleaseSpec) -> Health:
        return Health(ready=True, reason="answered 200")

    def switch(self, guest: GuestSpec, release: ReleaseSpec) -> None:
        """It serves."""

    def serves(self, guest: GuestSpec) -> int | None:
        """Nobody knows."""

    def retire(self, guest: GuestSpec, release: ReleaseSpec) -> None:
        """It is ended."""

    def tidy(self, guest: GuestSpec, kept: Collection[ReleaseSpec]) -> None:
        """Nothing is left over."""

    def start_app(self, guest: GuestSpec) -> None:
        """It runs."""

    def runtime_log(
        self, guest: GuestSpec, *, limit: int, since: str = "", search: str = ""
    ) -> Iterator[RuntimeLine]:
        yield from ()


class NoPlay:
    """Stands for Ansible: nothing is installed into a guest that is not there."""

    @classmethod
    def start_early(cls, bench: Bench, folder: Path, *, playbook: Path) -> "NoPlay":
        return cls()

    def meet(self, connection: Connection) -> None:
        """There is nobody to connect to."""

    def run(self, extravars: Mapping[str, object], connection: Connection) -> None:
        """The play has ended well."""

    def discard(self) -> None:
        """Nothing was begun."""
