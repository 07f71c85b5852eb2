"""A guest's Proxmox firewall in the words of nftables' bridge family. Text only; nothing is run.

The bridge family knows no connections on this kernel, so the rules are those of a stateless filter:
a TCP segment that does not open a connection passes, as do answers of DNS and DHCP, and a rule
decides about what begins. REJECT drops: the other side hears nothing.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tests.lab.hypervisor import Firewall, HypervisorError, Rule

VERDICTS = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "drop"}
PROTOCOLS = {"tcp": "tcp", "udp": "udp", "icmp": "icmp"}
PORTS = re.compile(r"\d{1,5}(:\d{1,5})?(,\d{1,5}(:\d{1,5})?)*")
# A segment that opens a connection has SYN and no ACK.
ESTABLISHED = "tcp flags & (syn | ack) != syn accept"
EVERY_6 = "::/0"
NEIGHBOURS = "ether type arp accept"
NEIGHBOURS_6 = (
    "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } "
    "accept"
)


@dataclass(frozen=True)
class Port:
    """A guest's end of the bridge: its interface on the host, its MAC and its static address.

    ``address`` is empty when the guest asks DHCP; Proxmox then knows no address to hold it to.
    """

    interface: str
    mac: str
    address: str


def table(name: str, guests: Iterable[tuple[int, Port, Firewall]]) -> str:
    """The bridge table that holds all guests to their firewalls; loading it replaces the old."""
    active = [(vmid, port, wall) for vmid, port, wall in guests if wall.enabled]
    chains: list[str] = []
    for vmid, port, wall in active:
        chains += _chain(f"from_{vmid}", outgoing(port, wall))
        chains += _chain(f"to_{vmid}", incoming(wall))
    leaving = [f'iifname "{port.interface}" jump from_{vmid}' for vmid, port, _ in active]
    arriving = [f'oifname "{port.interface}" jump to_{vmid}' for vmid, port, _ in active]
    lines = [
        f"table bridge {name}",
        f"delete table bridge {name}",
        f"table bridge {name} {{",
        *chains,
        *_chain("leaving", ["type filter hook prerouting priority 0; policy accept;", *leaving]),
        *_chain("arriving", ["type filter hook postrouting priority 0; policy accept;", *arriving]),
        "}",
    ]
    return "\n".join(lines) + "\n"


def incoming(wall: Firewall) -> list[str]:
    """What may reach the guest, in order."""
    return [
        NEIGHBOURS,
        NEIGHBOURS_6,
        "udp sport 67 udp dport 68 accept",
        "udp sport 53 accept",
        "icmp type { echo-reply, destination-unreachable, time-exceeded } accept",
        ESTABLISHED,
        *[line for rule in wall.rules if rule.direction == "in" for line in words(rule)],
        _verdict(wall.policy_in),
    ]


def outgoing(port: Port, wall: Firewall) -> list[str]:
    """What may leave it: first that it is the guest that speaks, then its rules."""
    lines = []
    if wall.mac_filter:
        lines += [f"ether saddr != {port.mac} drop", f"arp saddr ether != {port.mac} drop"]
    if wall.ip_filter and port.address:
        lines += [
            # Who asks whether an address is free has none yet.
            f"arp saddr ip != {{ 0.0.0.0, {port.address} }} drop",
            f"ip saddr != {port.address} drop",
            "ip6 saddr != { ::, fe80::/10 } drop",
        ]
    rules = [line for rule in wall.rules if rule.direction == "out" for line in words(rule)]
    return [*lines, NEIGHBOURS, NEIGHBOURS_6, ESTABLISHED, *rules, _verdict(wall.policy_out)]


def words(rule: Rule) -> list[str]:
    """One rule as nftables has it; a rule about ports of no protocol is one for TCP and for UDP.

    Raises ``HypervisorError`` for what the lab does not know, such as an IP set or a macro.
    """
    ends = []
    for side, given in (("saddr", rule.source), ("daddr", rule.destination)):
        if given == EVERY_6:
            ends.append(f"ip6 {side} {EVERY_6}")
        elif given:
            ends.append(f"ip {side} {{ {', '.join(_addresses(given))} }}")
    protocol = rule.protocol.lower()
    if protocol and protocol not in PROTOCOLS:
        raise HypervisorError(f"the lab's firewall does not know the protocol {rule.protocol!r}")
    verdict = _verdict(rule.action)
    if rule.port:
        ports = _ports(rule.port)
        kinds = [protocol] if protocol else ["tcp", "udp"]
        return [" ".join([*ends, f"{kind} dport {{ {ports} }}", verdict]) for kind in kinds]
    if protocol:
        ends.append(f"ip protocol {protocol}")
    return [" ".join([*ends, verdict])]


def _addresses(given: str) -> list[str]:
    found = []
    for part in given.split(","):
        first, _, last = part.strip().partition("-")
        try:
            network = ipaddress.IPv4Network(first, strict=False)
            end = ipaddress.IPv4Address(last) if last else None
        except ValueError:
            raise HypervisorError(
                f"the lab's firewall knows IPv4 addresses, networks, ranges and ::/0, not {part!r}"
            ) from None
        found.append(f"{network.network_address}-{end}" if end else str(network))
    return found


def _ports(given: str) -> str:
    if not PORTS.fullmatch(given):
        raise HypervisorError(f"the lab's firewall knows numbers as ports only, not {given!r}")
    return given.replace(":", "-").replace(",", ", ")


def _verdict(action: str) -> str:
    if action not in VERDICTS:
        raise HypervisorError(f"the lab's firewall does not know the action {action!r}")
    return VERDICTS[action]


def _chain(name: str, lines: Iterable[str]) -> list[str]:
    return [f"  chain {name} {{", *[f"    {line}" for line in lines], "  }"]
