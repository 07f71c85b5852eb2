"""Asks a fake cluster things over its API, as a test does."""

import secrets
import socket
import time
from pathlib import Path
from typing import Any

import requests

from tests.lab.pve import PORT, LabPve

TEMPLATE = "local:vztmpl/debian-12.tar.zst"
VM_TEMPLATE = 9000
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q me@lab"
DEADLINE = 60.0


def own_address() -> str:
    """A loopback address on which nobody listens, so that test runs do not meet."""
    while True:
        address = f"127.88.{secrets.randbelow(250) + 2}.{secrets.randbelow(250) + 2}"
        with socket.socket() as probe:
            if probe.connect_ex((address, PORT)) != 0:
                return address


class Client:
    """One person with a token; answers are ``requests.Response``."""

    def __init__(self, url: str, ca_file: Path, token: str) -> None:
        self.base = f"{url}/api2/json"
        self.ca_file = str(ca_file)
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"PVEAPIToken={token}"

    def ask(self, method: str, path: str, **params: Any) -> requests.Response:
        """Parameters go into the body, of a GET or DELETE into the query; ``_`` means ``-``."""
        values = {name.replace("_", "-"): value for name, value in params.items()}
        where = "params" if method in ("GET", "DELETE") else "data"
        return self.session.request(
            method, self.base + path, verify=self.ca_file, timeout=DEADLINE, **{where: values}
        )

    def get(self, path: str, **params: Any) -> Any:
        return self._data(self.ask("GET", path, **params))

    def put(self, path: str, **params: Any) -> Any:
        return self._data(self.ask("PUT", path, **params))

    def post(self, path: str, **params: Any) -> Any:
        return self._data(self.ask("POST", path, **params))

    def delete(self, path: str, **params: Any) -> Any:
        return self._data(self.ask("DELETE", path, **params))

    @staticmethod
    def _data(answer: requests.Response) -> Any:
        assert answer.status_code == 200, f"{answer.status_code} {answer.reason}: {answer.text}"
        return answer.json()["data"]

    def wait(self, upid: str) -> str:
        """What a task ended with, ``OK`` or its error."""
        node = upid.split(":")[1]
        deadline = time.monotonic() + DEADLINE
        while (task := self.get(f"/nodes/{node}/tasks/{upid}/status"))["status"] == "running":
            assert time.monotonic() < deadline, f"{upid} still runs after {DEADLINE} s"
            time.sleep(0.01)
        return str(task["exitstatus"])

    def container(self, vmid: int = 120, **changes: Any) -> str:
        """Create a container on pve1; returns the task."""
        usual = {
            "ostemplate": TEMPLATE,
            "rootfs": "local-lvm:4",
            "hostname": "app-1",
            "net0": "name=eth0,bridge=vmbr0,ip=10.0.0.5/24,gw=10.0.0.1",
        }
        return str(self.post("/nodes/pve1/lxc", vmid=vmid, **{**usual, **changes}))

    def clone(self, vmid: int = 200, **changes: Any) -> str:
        """Clone the VM template on pve1; returns the task."""
        usual = {"newid": vmid, "name": "app-2", "full": 1}
        path = f"/nodes/pve1/qemu/{VM_TEMPLATE}/clone"
        return str(self.post(path, **{**usual, **changes}))


def client(pve: LabPve, token: str = "") -> Client:
    """Somebody with this token; root without one."""
    return Client(pve.url, pve.ca_file, token or pve.root_token)


def furnish(pve: LabPve) -> None:
    """A container template, a VM template and a pool."""
    pve.add_lxc_template(TEMPLATE)
    pve.add_vm_template(VM_TEMPLATE)
    pve.add_pool("paas")
