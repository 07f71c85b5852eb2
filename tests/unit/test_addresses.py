"""How an administrator writes down the addresses that guests may have."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paas.domain.addresses import MOST, AddressPool, dhcp_network


def pool(text: str) -> AddressPool:
    found = AddressPool.parse(text)
    assert found is not None
    return found


def test_a_range_has_its_ends_prefix_and_gateway() -> None:
    found = pool("10.0.0.20-10.0.0.99/24,gw=10.0.0.1")
    assert (str(found.first), str(found.last), found.prefix) == ("10.0.0.20", "10.0.0.99", 24)
    assert found.gateway == IPv4Address("10.0.0.1")
    assert found.size == 80


def test_spaces_a_single_address_and_no_gateway_are_fine() -> None:
    assert pool(" 10.0.0.20 - 10.0.0.21 /24, gw = 10.0.0.1").size == 2
    assert pool("10.0.0.20/24").size == 1
    assert pool("10.0.0.20-10.0.0.21/24").gateway is None
    assert AddressPool.parse("dhcp") is None


def test_with_dhcp_the_network_may_be_named() -> None:
    for text in ("dhcp,net=10.0.0.0/24", " dhcp , net = 10.0.0.0/24"):
        assert AddressPool.parse(text) is None
        assert dhcp_network(text) == IPv4Network("10.0.0.0/24")
    assert dhcp_network("dhcp") is None
    assert dhcp_network("10.0.0.20-10.0.0.21/24") is None


@pytest.mark.parametrize(
    "text",
    ["dhcp,", "dhcp,10.0.0.0/24", "dhcp,net=10.0.0.5/24", "dhcp,net=", "dhcp,gw=10.0.0.0/24"],
)
def test_a_network_of_dhcp_that_cannot_be_used_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be dhcp or look like dhcp,net=10\.0\.0\.0/24"):
        AddressPool.parse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be dhcp or look like"),
        ("10.0.0.20", "must be dhcp or look like"),
        ("10.0.0.20-10.0.0.99", "must be dhcp or look like"),
        ("10.0.0.x/24", "must be dhcp or look like"),
        ("10.0.0.20/33", "must be dhcp or look like"),
        ("10.0.0.20/24,dns=10.0.0.1", "must be dhcp or look like"),
        ("10.0.0.20/24,gw=", "must be dhcp or look like"),
        ("fd00::1-fd00::9/64", "must be dhcp or look like"),
        ("10.0.0.99-10.0.0.20/24", "must go upwards"),
        ("10.0.0.1-10.9.0.1/8", "at most"),
        ("10.0.0.20-10.0.1.20/24", "must lie in one network"),
        ("10.0.0.20-10.0.0.30/24,gw=10.0.1.1", "must lie in one network"),
        ("10.0.0.0-10.0.0.30/24", "a network's own"),
        ("10.0.0.20-10.0.0.255/24", "broadcast"),
        ("10.0.0.1-10.0.0.30/24,gw=10.0.0.1", "inside the range for guests"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        AddressPool.parse(text)


def test_each_index_begins_elsewhere_and_goes_round() -> None:
    found = pool("10.0.0.20-10.0.0.22/24")
    first = [found.choose(index, frozenset()) for index in range(4)]
    assert first == ["10.0.0.20", "10.0.0.21", "10.0.0.22", "10.0.0.20"]
    assert found.choose(1, frozenset({"10.0.0.21", "10.0.0.22"})) == "10.0.0.20"
    assert found.choose(0, frozenset({"10.0.0.20", "10.0.0.21", "10.0.0.22"})) is None


@given(st.integers(0, 10**9), st.sets(st.integers(0, 79)))
def test_a_free_address_is_found_whenever_there_is_one(index: int, used: set[int]) -> None:
    found = pool("10.0.0.20-10.0.0.99/24")
    taken = frozenset(str(found.first + number) for number in used)
    address = found.choose(index, taken)
    if len(used) == found.size:
        assert address is None
    else:
        assert address is not None
        assert address not in taken
        assert found.first <= IPv4Address(address) <= found.last


def test_the_largest_range_is_bounded() -> None:
    assert pool("10.0.0.1-10.1.0.0/8").size == MOST
