"""A guest's firewall in nftables' words; whether packets obey is in test_network.py."""

import pytest

from tests.lab.firewall import Port, incoming, outgoing, table, words
from tests.lab.hypervisor import Firewall, HypervisorError, Rule

PORT = Port("pl0.100", "02:00:00:00:00:01", "10.0.0.20")
RULES = (
    (Rule("in", "ACCEPT"), ["accept"]),
    (Rule("in", "ACCEPT", "tcp", port="22"), ["tcp dport { 22 } accept"]),
    (Rule("in", "REJECT", "udp", port="53,5000:5010"), ["udp dport { 53, 5000-5010 } drop"]),
    (Rule("in", "ACCEPT", port="80"), ["tcp dport { 80 } accept", "udp dport { 80 } accept"]),
    (Rule("in", "ACCEPT", "icmp"), ["ip protocol icmp accept"]),
    (
        Rule("in", "ACCEPT", "tcp", source="10.0.0.5,10.1.0.0/16", port="22"),
        ["ip saddr { 10.0.0.5/32, 10.1.0.0/16 } tcp dport { 22 } accept"],
    ),
    (
        Rule("out", "DROP", destination="10.0.0.1-10.0.0.9"),
        ["ip daddr { 10.0.0.1-10.0.0.9 } drop"],
    ),
    (Rule("out", "REJECT", destination="::/0"), ["ip6 daddr ::/0 drop"]),
)


@pytest.mark.parametrize(("rule", "expected"), RULES)
def test_rule(rule: Rule, expected: list[str]) -> None:
    assert words(rule) == expected


@pytest.mark.parametrize(
    "rule",
    [
        Rule("in", "ACCEPT", source="+ipset"),
        Rule("in", "ACCEPT", source="10.0.0.1; flush ruleset"),
        Rule("in", "ACCEPT", source="fe80::/10"),
        Rule("in", "ACCEPT", "tcp", port="ssh"),
        Rule("in", "ACCEPT", "sctp"),
        Rule("in", "JUMP"),
    ],
)
def test_a_rule_that_the_lab_does_not_know_is_refused(rule: Rule) -> None:
    with pytest.raises(HypervisorError, match="the lab's firewall"):
        words(rule)


def test_the_policy_comes_after_the_rules() -> None:
    wall = Firewall(True, policy_in="DROP", rules=[Rule("in", "ACCEPT", "tcp", port="22")])
    assert incoming(wall)[-2:] == ["tcp dport { 22 } accept", "drop"]


def test_rules_count_in_their_direction_only() -> None:
    wall = Firewall(True, rules=[Rule("in", "ACCEPT", "tcp", port="22")])
    assert not any("dport { 22 }" in line for line in outgoing(PORT, wall))


def test_the_ip_filter_holds_a_static_address_only() -> None:
    wall = Firewall(True, ip_filter=True)
    assert "ip saddr != 10.0.0.20 drop" in outgoing(PORT, wall)
    assert not any("ip saddr" in line for line in outgoing(Port("x", PORT.mac, ""), wall))


def test_a_firewall_that_is_off_leaves_no_chain() -> None:
    text = table("paaslab0", [(100, PORT, Firewall(False, policy_in="DROP"))])
    assert "100" not in text
