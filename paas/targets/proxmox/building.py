"""Making a guest through the API alone, and a template of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from paas.domain.errors import StepFailed
from paas.domain.specs import GuestSpec
from paas.targets.proxmox.inside import Inside
from paas.targets.proxmox.target import ProxmoxTarget
from paas.targets.proxmox.tasks import carry_out
from paas.tools.proxmox import Missing, Proxmox, Row

TAG = "paas-template"
CALL_SECONDS = 300.0
PACK_SECONDS = 1800.0
UPLOAD_SECONDS = 1800.0
CLOUD_INIT_DRIVES = ("ide2", "ide0", "sata5")
# What a new guest must not inherit, without the leading slash: identity, secrets, caches, logs.
VOLATILE = (
    "root/.ssh/authorized_keys",
    "root/.ansible",
    "root/.bash_history",
    "etc/ssh/ssh_host_*",
    "var/lib/paas",
    "var/lib/apt/lists/*",
    "var/cache/apt/archives/*.deb",
    "var/cache/apt/*.bin",
    "var/lib/dhcp/*",
    "var/lib/systemd/random-seed",
    "var/log/journal/*",
    "var/log/apt/*",
    "var/tmp/*",
    "tmp/*",
)
# What the kernel and the container's host put there.
MOUNTED = ("proc/*", "sys/*", "dev/*", "run/*")
TAR_CHANGED = 1


class Builder:
    """Works on one guest that is on nobody's books but carries our marker."""

    def __init__(self, target: ProxmoxTarget, inside: Inside) -> None:
        self._target = target
        self._inside = inside
        self._proxmox = target.proxmox
        self._seconds = target.site.task_seconds

    def make(self, guest: GuestSpec) -> None:
        """Make the guest; it does not run yet."""
        values = dict(self._target.values(guest))
        if self._target.kind == "lxc":
            wanted = container(values)
            self._carry_out(lambda: self._proxmox.post(f"/nodes/{guest.node}/lxc", **wanted))
        else:
            self._clone(guest, values)

    def _clone(self, guest: GuestSpec, values: Mapping[str, Any]) -> None:
        source = f"/nodes/{values['template_node']}/qemu/{values['template']}"
        wanted = {
            "newid": guest.vmid,
            "name": values["hostname"],
            "pool": values["pool"],
            "storage": values["storage"],
            "target": guest.node,
            "full": True,
        }
        self._carry_out(lambda: self._proxmox.post(f"{source}/clone", **wanted))
        path = f"/nodes/{guest.node}/qemu/{guest.vmid}"
        changed = machine(values, self._proxmox.get(f"{path}/config"))
        self._carry_out(lambda: self._proxmox.post(f"{path}/config", **changed))
        if values["disk"] > guest.frozen.get("template_disk", 0):
            disk, size = values["disk_interface"], f"{values['disk']}G"
            self._carry_out(lambda: self._proxmox.put(f"{path}/resize", disk=disk, size=size))

    def pack(self, guest: GuestSpec, archive: Path) -> None:
        """Write the container's files into an archive, as its templates are."""
        left_out = [f"--exclude=./{name}" for name in (*MOUNTED, *VOLATILE)]
        tar = [
            *("tar", "--create", "--one-file-system", "--numeric-owner"),
            # Far less work for the guest, and hardly more to send.
            "--use-compress-program=gzip --fast",
            *("--xattrs", "--xattrs-include=security.capability", "--anchored", "--wildcards"),
            *(*left_out, "--directory=/", "."),
        ]
        self._run(guest, ["truncate", "--size=0", "/etc/machine-id"])
        with archive.open("wb") as file:
            done = self._inside.call(guest, tar, deadline=PACK_SECONDS, write=file.write)
        if done.code not in (0, TAR_CHANGED):
            raise StepFailed(f"The container could not be packed: {_last(done.errors)}")

    def upload(self, archive: Path, storage: str, nodes: Sequence[str]) -> list[str]:
        """Put the archive among the templates of these nodes; returns those that have it now.

        On a shared storage the first one serves all. The archive's name is the template's.
        """
        patient = Proxmox(replace(self._proxmox.access, timeout=UPLOAD_SECONDS))
        having = []
        for node in nodes:
            try:
                row = self._proxmox.get(f"/nodes/{node}/storage/{storage}/status")
            except Missing:
                continue
            self._carry_out(partial(_send, patient, node, storage, archive))
            having.append(node)
            if row.get("shared"):
                return list(nodes)
        return having

    def convert(self, guest: GuestSpec, name: str) -> None:
        """Make the VM a template under that name; it is no guest of ours any more."""
        self._clean(guest)
        self._target.power.stop(guest)
        path = f"/nodes/{guest.node}/qemu/{guest.vmid}"
        config = self._proxmox.get(f"{path}/config")
        mine = [key for key in ("ipconfig0", "nameserver", "sshkeys", "ciuser") if key in config]
        mine += [key for key, value in config.items() if _is_cloud_init(key, value)]
        self._carry_out(lambda: self._proxmox.post(f"{path}/config", delete=",".join(mine)))
        self._carry_out(lambda: self._proxmox.post(f"{path}/template"))
        # Until here the marker said that the guest may be removed.
        about = "A template that `paas templates build` made."
        self._carry_out(
            lambda: self._proxmox.post(f"{path}/config", name=name, description=about, tags=TAG)
        )

    def _clean(self, guest: GuestSpec) -> None:
        """Take from the VM what the next one must not inherit; nobody can enter it then."""
        has_cloud_init = ["sh", "-c", "command -v cloud-init"]
        if self._inside.call(guest, has_cloud_init, deadline=CALL_SECONDS).code == 0:
            self._run(guest, ["cloud-init", "clean", "--logs"])
        # A shell only for the patterns, which are ours.
        remove = f"cd / && rm -rf -- {' '.join(VOLATILE)} && : > etc/machine-id && sync"
        self._run(guest, ["sh", "-c", remove])

    def _run(self, guest: GuestSpec, argv: list[str]) -> None:
        done = self._inside.call(guest, argv, deadline=CALL_SECONDS)
        if done.code != 0:
            raise StepFailed(f"{argv[0]} failed in the guest: {_last(done.errors)}")

    def _carry_out(self, begin: Callable[[], object]) -> None:
        carry_out(self._proxmox, begin, self._seconds)


def container(values: Mapping[str, Any]) -> dict[str, object]:
    """The parameters that make a container, from those of its Terraform module."""
    network = {"name": "eth0", "bridge": values["bridge"], "hwaddr": values["mac"]}
    network |= {"ip": values["address"], "gw": values["gateway"], "tag": values["vlan"]}
    return {
        "vmid": values["vmid"],
        "hostname": values["hostname"],
        "ostemplate": values["template"],
        "storage": values["storage"],
        "rootfs": f"{values['storage']}:{values['disk']}",
        "net0": _joined(network),
        "ssh-public-keys": values["ssh_key"],
        "features": "nesting=1",
        "unprivileged": True,
        "pool": values["pool"],
        **_common(values),
    }


def machine(values: Mapping[str, Any], config: Row) -> dict[str, object]:
    """The parameters that change a clone, from those of its Terraform module."""
    address = values["address"]
    card = {"virtio": values["mac"], "bridge": values["bridge"], "tag": values["vlan"]}
    drives = {} if any(_is_cloud_init(*item) for item in config.items()) else _drive(values, config)
    return {
        "net0": _joined(card),
        "ipconfig0": _joined({"ip": address, "gw": values["gateway"]}),
        "ciuser": "root",
        # Proxmox wants the keys encoded as a part of a URL.
        "sshkeys": quote(str(values["ssh_key"]), safe=""),
        "serial0": "socket",
        # The agent tells the address that DHCP gave; else the template's word stands.
        **({"agent": 1} if address == "dhcp" else {}),
        **drives,
        **_common(values),
    }


def _common(values: Mapping[str, Any]) -> dict[str, object]:
    return {
        "cores": values["cores"],
        "memory": values["memory"],
        "nameserver": " ".join(values["dns"]) or None,
        "description": values["description"],
        "tags": ";".join(values["tags"]),
    }


def _drive(values: Mapping[str, Any], config: Row) -> dict[str, object]:
    free = next((name for name in CLOUD_INIT_DRIVES if name not in config), None)
    if free is None:
        raise StepFailed(f"The template {values['template']} has no place for a cloud-init drive")
    return {free: f"{values['storage']}:cloudinit"}


def _is_cloud_init(key: str, value: object) -> bool:
    return key[-1:].isdigit() and "cloudinit" in str(value) and not key.startswith("ipconfig")


def _joined(options: Mapping[str, object]) -> str:
    return ",".join(f"{name}={value}" for name, value in options.items() if value)


def _send(proxmox: Proxmox, node: str, storage: str, archive: Path) -> object:
    with archive.open("rb") as file:
        path = f"/nodes/{node}/storage/{storage}/upload"
        return proxmox.post(path, content="vztmpl", filename=file)


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else "it says no more"
