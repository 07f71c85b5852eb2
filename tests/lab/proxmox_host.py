"""A guest that plays a Proxmox host: SSH, a stand-in for its programs, its certificate, its API.

The programs (``pveum``, ``pvesh``, ``pveam``, ``pveversion``) are one script that sends its words
to a desk in this process, and the desk does to the fake what the real ones do to Proxmox. What is
real is the way there: SSH, Ansible, and the API with its TLS.
"""

import json
import secrets
import shlex
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.lab.ground import PLAIN_TEMPLATE, Ground
from tests.lab.hypervisor import GuestConfig, NoGuests
from tests.lab.network import API_PORT, MIRROR_PORT
from tests.lab.pve import LabPve, running

PROGRAMS = ("pveum", "pvesh", "pveam", "pveversion")
# Ports are few on the lab's bridge: the desk is where mirrors are otherwise.
STAND_IN = """\
#!/usr/bin/python3
import json, sys, urllib.request
words = [sys.argv[0].rpartition("/")[2], *sys.argv[1:]]
with urllib.request.urlopen("http://{desk}", json.dumps(words).encode()) as answer:
    done = json.load(answer)
sys.stdout.write(done["output"])
sys.stderr.write(done["error"])
sys.exit(done["code"])
"""
# The host's own API is the fake's: whoever speaks to the one speaks to the other.
FORWARD = """\
import asyncio
async def pass_on(source, sink):
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    sink.close()
async def serve(reader, writer):
    there = await asyncio.open_connection("{api}", {port})
    await asyncio.gather(pass_on(reader, there[1]), pass_on(there[0], writer))
async def main():
    async with await asyncio.start_server(serve, "0.0.0.0", {port}) as server:
        await server.serve_forever()
asyncio.run(main())
"""
UNIT = """\
[Service]
ExecStart=/usr/bin/python3 /usr/local/lib/forward.py
[Install]
WantedBy=multi-user.target
"""


class Refusal(Exception):
    """What a program says when it fails."""


@dataclass
class Desk:
    """Does what the programs were told; ``asked`` are their words, ``broken`` refuses some."""

    pve: LabPve
    asked: list[list[str]] = field(default_factory=list)
    broken: Callable[[Sequence[str]], bool] = field(default=lambda words: False)
    downloadable: list[str] = field(default_factory=list)

    def run(self, words: list[str]) -> dict[str, object]:
        self.asked.append(words)
        try:
            if self.broken(words):
                raise Refusal("no quorum")
            found = self.pve.on_loop(lambda: self._run(words))
        except (Refusal, ValueError) as error:
            return {"output": "", "error": f"{error}\n", "code": 1}
        output = found if isinstance(found, str) else json.dumps(found)
        return {"output": output + "\n", "error": "", "code": 0}

    def _run(self, words: list[str]) -> object:
        match words:
            case ["pveversion"]:
                return "pve-manager/9.2.11/0123456789abcdef (running kernel: 6.14.0-1-pve)"
            case ["pvesh", "get", "/pools", "--output-format", "json"]:
                return [{"poolid": name} for name in self.pve.pools]
            case ["pveum", "pool", "add", name, "--comment", _]:
                return self._add_pool(name)
            case ["pveum", "user", "list", "--output-format", "json"]:
                return [{"userid": name} for name in self.pve.users]
            case ["pveum", "user", "add", name, "--comment", _]:
                return self._add_user(name)
            case ["pveum", "user", "token", *rest]:
                return self._token(rest)
            case ["pveum", "role", "list", "--output-format", "json"]:
                roles = self.pve.roles.items()
                return [{"roleid": name, "privs": ",".join(sorted(held))} for name, held in roles]
            case ["pveum", "role", "add" | "modify" as verb, name, "--privs", privileges]:
                return self._role(verb, name, privileges)
            case [
                "pveum",
                "acl",
                "modify",
                path,
                "--roles",
                role,
                "--users",
                user,
                "--tokens",
                token,
            ]:
                return self._bind(path, role, user, token)
            case ["pveam", *rest]:
                return self._template(rest)
        raise Refusal(f"unknown command: {shlex.join(words)}")

    def _add_pool(self, name: str) -> str:
        if name in self.pve.pools:
            raise Refusal(f"create pool failed: pool '{name}' already exists")
        self.pve.add_pool(name)
        return ""

    def _add_user(self, name: str) -> str:
        if name in self.pve.users:
            raise Refusal(f"create user failed: user '{name}' already exists")
        self.pve.add_user(name)
        return ""

    def _token(self, words: list[str]) -> object:
        match words:
            case ["list", user, "--output-format", "json"]:
                own = [one for one in self.pve.apitokens if one.startswith(f"{user}!")]
                return [{"tokenid": one.partition("!")[2], "privsep": 1} for one in own]
            case ["remove", user, name]:
                del self.pve.apitokens[f"{user}!{name}"]
                self.pve.grants = [g for g in self.pve.grants if g.who != f"{user}!{name}"]
                return ""
            case ["add", user, name, "--privsep", "1", "--output-format", "json"]:
                token = f"{user}!{name}"
                if token in self.pve.apitokens:
                    raise Refusal(f"Token already exists: {name}")
                secret = self.pve.add_token(user, name).partition("=")[2]
                return {"full-tokenid": token, "info": {"privsep": "1"}, "value": secret}
        raise Refusal(f"unknown command: token {shlex.join(words)}")

    def _role(self, verb: str, name: str, privileges: str) -> str:
        if (verb == "add") == (name in self.pve.roles):
            raise Refusal(f"role '{name}' {'already exists' if verb == 'add' else 'is missing'}")
        self.pve.add_role(name, privileges.split())
        return ""

    def _bind(self, path: str, role: str, user: str, token: str) -> str:
        for who in (user, token):
            self.pve.withdraw(path, who, role)
            self.pve.grant(path, who, role)
        return ""

    def _template(self, words: list[str]) -> str:
        there = self.pve.storages["local"].get("volumes", {})
        match words:
            case ["update"]:
                return "update successful"
            case ["list", storage]:
                names = (name for name in there if name.startswith("vztmpl/"))
                return "\n".join(["NAME  SIZE", *(f"{storage}:{one}  80.00MB" for one in names)])
            case ["download", "local", name] if name in self.downloadable:
                self.pve.add_lxc_template(f"local:vztmpl/{name}")
                return f"downloading {name} ... done"
            case ["download", _, name]:
                raise Refusal(f"no such template: {name}")
        raise Refusal(f"unknown command: pveam {shlex.join(words)}")


@dataclass(frozen=True)
class Host:
    """The host that is played. ``desk`` is where its programs are answered."""

    vmid: int
    address: str
    host_key: str
    pve: LabPve
    desk: Desk


@contextmanager
def played(ground: Ground, config: GuestConfig, name: str) -> Iterator[Host]:
    """A guest as a Proxmox host of one node; ``name`` is what it calls itself."""
    plan, hypervisor = ground.plan, ground.hypervisor
    with running(NoGuests(), address=plan.api, nodes=(name,)) as pve:
        pve.cluster_name = f"{name}-{secrets.token_hex(4)}"
        desk = Desk(pve)
        with _answering(desk, plan.host):
            hypervisor.create(config)
            try:
                _furnish(hypervisor._get(config.vmid).disk.root, pve, plan.host, plan.api)
                hypervisor.start(config.vmid)
                address = config.address.partition("/")[0]
                yield Host(config.vmid, address, hypervisor.host_key(config.vmid), pve, desk)
            finally:
                hypervisor.destroy(config.vmid)


@contextmanager
def _answering(desk: Desk, address: str) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            words = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(desk.run(words)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: the desk remembers what it was asked."""

    server = ThreadingHTTPServer((address, MIRROR_PORT), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _furnish(root: Path, pve: LabPve, desk: str, api: str) -> None:
    """Put the programs, the certificate and the way to the API into the guest's disk."""
    program = root / "usr/local/sbin/paas-stand-in"
    program.write_text(STAND_IN.format(desk=f"{desk}:{MIRROR_PORT}/"))
    program.chmod(0o755)
    for name in PROGRAMS:
        (root / "usr/bin" / name).symlink_to("/usr/local/sbin/paas-stand-in")
    folder = root / "etc/pve/local"
    folder.mkdir(parents=True)
    (folder / "pve-ssl.pem").write_text(pve.certificates.certificate.read_text())
    (root / "usr/local/lib/forward.py").write_text(
        FORWARD.replace("{api}", api).replace("{port}", str(API_PORT))
    )
    (root / "etc/systemd/system/pveproxy.service").write_text(UNIT)
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "pveproxy.service").symlink_to("/etc/systemd/system/pveproxy.service")


def configuration(ground: Ground, vmid: int, *keys: str) -> GuestConfig:
    """A guest for it, with keys that may enter."""
    plan = ground.plan
    return GuestConfig(
        vmid,
        "lxc",
        f"host-{vmid}",
        PLAIN_TEMPLATE,
        address=f"{plan.subnet}.{vmid - 100}/24",
        gateway=plan.host,
        dns=(plan.host,),
        ssh_keys=keys,
    )
