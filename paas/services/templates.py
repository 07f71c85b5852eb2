"""The templates that a Proxmox offers, and which of them new guests are made from."""

from collections.abc import Iterator
from dataclasses import dataclass

from paas.domain.errors import PaasError
from paas.domain.states import GuestType
from paas.services import proxmox_places
from paas.settings import Settings
from paas.targets.proxmox.site import access_of
from paas.tools.proxmox import Missing, Proxmox, Refused, Row

MB = 1024**2


@dataclass(frozen=True)
class TemplateView:
    """A template: ``value`` is what the setting takes, ``size_mb`` its archive or first disk."""

    kind: GuestType
    value: str
    title: str
    node: str
    storage: str
    size_mb: int
    is_set: bool

    @property
    def setting(self) -> str:
        """The setting that names it."""
        return f"PAAS_PROXMOX_{self.kind.upper()}_TEMPLATE"


def listing(settings: Settings) -> tuple[TemplateView, ...]:
    """What each online node offers, containers first. Raises ``PaasError`` in sentences."""
    expect_proxmox(settings)
    proxmox = Proxmox(access_of(settings))
    nodes = [str(row["node"]) for row in proxmox.nodes() if row.get("status") == "online"]
    found = [one for node in sorted(nodes) for one in _containers(settings, proxmox, node)]
    return (*found, *_machines(settings, proxmox))


def expect_proxmox(settings: Settings) -> None:
    """Templates are Proxmox's alone."""
    if settings.target != "proxmox":
        raise PaasError(
            f"PAAS_TARGET is {settings.target}, which makes guests without templates: they are "
            "for target proxmox."
        )


def _containers(settings: Settings, proxmox: Proxmox, node: str) -> Iterator[TemplateView]:
    for name, storage in sorted(proxmox_places.storages(proxmox, node).items()):
        if "vztmpl" not in str(storage.get("content")) or not storage.get("active"):
            continue
        try:
            rows = proxmox_places.container_templates(proxmox, node, name)
        except (Missing, Refused):
            continue
        for row in rows:
            volume = str(row["volid"])
            yield TemplateView(
                kind=GuestType.LXC,
                value=volume,
                title=volume.rpartition("/")[2],
                node=node,
                storage=name,
                size_mb=int(row.get("size") or 0) // MB,
                is_set=volume == settings.proxmox_lxc_template,
            )


def _machines(settings: Settings, proxmox: Proxmox) -> Iterator[TemplateView]:
    rows = [row for row in proxmox.resources() if row["type"] == "qemu" and row.get("template")]
    for row in sorted(rows, key=lambda row: int(row["vmid"])):
        vmid = int(row["vmid"])
        yield TemplateView(
            kind=GuestType.VM,
            value=str(vmid),
            title=str(row.get("name") or ""),
            node=str(row["node"]),
            storage=", ".join(_disks(proxmox, row)),
            size_mb=int(row.get("maxdisk") or 0) // MB,
            is_set=vmid == settings.proxmox_vm_template,
        )


def _disks(proxmox: Proxmox, row: Row) -> list[str]:
    try:
        config = proxmox.get(f"/nodes/{row['node']}/qemu/{row['vmid']}/config")
    except PaasError:
        # Its node may be away; the template is listed all the same.
        return []
    return proxmox_places.disk_storages(config)
