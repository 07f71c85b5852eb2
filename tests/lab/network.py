"""The lab's own bridge: no way out, DHCP and DNS on it, a firewall for each guest.

Everything is named after the lab's number, so that several labs can run beside each other and each
can find what one of its number left behind: bridge ``paaslab0``, network ``10.213.77.0/24``,
nftables tables ``bridge paaslab0`` and ``inet paaslab0``, interfaces ``pl0.<vmid>``.
"""

import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tests.lab import processes
from tests.lab.commands import quiet, run
from tests.lab.firewall import Port, table
from tests.lab.hypervisor import Firewall, HypervisorError

# Ten labs at most: each has a /24 of its own.
NUMBERS = range(10)
FIRST_NETWORK = 77
# All that guests may open on the host, besides DNS and DHCP.
MIRROR_PORT = 3142
API_PORT = 8006


@dataclass(frozen=True)
class Plan:
    """Names and addresses of the lab with this number."""

    number: int = 0

    @property
    def bridge(self) -> str:
        return f"paaslab{self.number}"

    @property
    def subnet(self) -> str:
        return f"10.213.{FIRST_NETWORK + self.number}"

    @property
    def host(self) -> str:
        """The host on the bridge: gateway, DNS, package mirrors."""
        return f"{self.subnet}.1"

    @property
    def api(self) -> str:
        """Where the fake Proxmox API answers; guests could reach it, if they were allowed to."""
        return f"{self.subnet}.2"

    @property
    def pool(self) -> str:
        """Static addresses for guests, in the words of ``PAAS_PROXMOX_ADDRESSES``."""
        return f"{self.subnet}.20-{self.subnet}.199/24,gw={self.host}"

    def interface(self, vmid: int) -> str:
        """The guest's end of its veth pair; an interface's name has at most 15 characters."""
        return f"pl{self.number}.{vmid}"


class Network:
    """The bridge and what listens on it; ``folder`` keeps the leases and the DHCP server's pid."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self._dnsmasq: subprocess.Popen[bytes] | None = None
        self._guests: dict[int, tuple[Port, Firewall]] = {}
        self._lock = threading.Lock()

    def up(self) -> None:
        """Make the bridge, close it off, and start DHCP; raises ``HypervisorError``."""
        bridge = self.plan.bridge
        run(
            ["ip", "-batch", "-"],
            f"making the bridge {bridge}",
            text=f"link add {bridge} address 02:00:0a:d5:{self.plan.number:02x}:01 type bridge "
            "stp_state 0 forward_delay 0\n"
            f"address add {self.plan.host}/24 dev {bridge}\n"
            f"address add {self.plan.api}/24 dev {bridge}\n",
        )
        Path(f"/proc/sys/net/ipv6/conf/{bridge}/disable_ipv6").write_text("1")
        run(["ip", "link", "set", bridge, "up"], f"raising the bridge {bridge}")
        run(["nft", "-f", "-"], "closing the bridge off", text=self._border())
        self._start_dhcp()

    def down(self) -> None:
        """End the DHCP server and take everything away again."""
        if self._dnsmasq is not None:
            self._dnsmasq.send_signal(signal.SIGTERM)
            self._dnsmasq.wait(10)
            self._dnsmasq = None
        sweep(self.plan, self.folder)

    def set_firewall(self, vmid: int, port: Port, firewall: Firewall) -> None:
        """Hold a guest to a firewall from now on, in one step with all others."""
        with self._lock:
            self._load({**self._guests, vmid: (port, firewall)})

    def forget(self, vmid: int) -> None:
        """A guest is gone."""
        with self._lock:
            if vmid in self._guests:
                self._load({key: value for key, value in self._guests.items() if key != vmid})

    def _load(self, guests: dict[int, tuple[Port, Firewall]]) -> None:
        text = table(self.plan.bridge, [(vmid, *held) for vmid, held in sorted(guests.items())])
        run(["nft", "-f", "-"], "loading the guests' firewall", text=text)
        self._guests = guests

    def _border(self) -> str:
        """Guests reach the host's lab services and each other; nothing else, on any way."""
        bridge, host, api = self.plan.bridge, self.plan.host, self.plan.api
        doors = f"53, {MIRROR_PORT}, {API_PORT}"
        return f"""\
table inet {bridge} {{
  chain to_host {{
    type filter hook input priority 0; policy accept;
    iifname != "{bridge}" accept
    ct state established,related accept
    meta l4proto icmp accept
    udp dport {{ 53, 67 }} accept
    ip daddr {{ {host}, {api} }} tcp dport {{ {doors} }} accept
    drop
  }}
  chain through {{
    type filter hook forward priority 0; policy accept;
    iifname "{bridge}" oifname != "{bridge}" drop
    oifname "{bridge}" iifname != "{bridge}" drop
  }}
}}
"""

    def _start_dhcp(self) -> None:
        """Addresses .200 to .250; DNS knows nothing, and says so at once."""
        subnet, leases = self.plan.subnet, self.folder / "leases"
        command = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root"]
        command += [f"--interface={self.plan.bridge}", "--bind-interfaces", "--except-interface=lo"]
        command += ["--no-resolv", "--no-hosts", "--no-ping", "--dhcp-authoritative"]
        command += [f"--dhcp-range={subnet}.200,{subnet}.250,255.255.255.0,1h"]
        command += [f"--dhcp-leasefile={leases}", f"--pid-file={self.folder / 'dnsmasq.pid'}"]
        command += [f"--log-facility={self.folder / 'dnsmasq.log'}"]
        try:
            # A session of its own: Ctrl-C is for the lab, which then ends it.
            self._dnsmasq = subprocess.Popen(command, start_new_session=True)
        except FileNotFoundError:
            raise HypervisorError("dnsmasq is not installed: apt install dnsmasq-base") from None
        deadline = time.monotonic() + 20
        # It writes its pid once it listens; a wrong option or an address in use ends it.
        while not (self.folder / "dnsmasq.pid").exists():
            if self._dnsmasq.poll() is not None or time.monotonic() > deadline:
                log = self.folder / "dnsmasq.log"
                said = log.read_text().strip()[-300:] if log.exists() else "nothing"
                raise HypervisorError(f"dnsmasq does not serve the bridge; it said: {said}")
            time.sleep(0.02)


def sweep(plan: Plan, folder: Path) -> None:
    """Remove the bridge, the tables and the DHCP server of this number, whoever left them."""
    processes.end_recorded(folder / "dnsmasq.pid", "dnsmasq")
    for family in ("bridge", "inet"):
        if quiet(["nft", "list", "table", family, plan.bridge]):
            run(["nft", "delete", "table", family, plan.bridge], f"removing the {family} table")
    if Path(f"/sys/class/net/{plan.bridge}").exists():
        run(["ip", "link", "delete", plan.bridge], f"removing the bridge {plan.bridge}")
