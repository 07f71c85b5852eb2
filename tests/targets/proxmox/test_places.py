"""Which node and address a guest gets: pure, from the survey and the reservations alone."""

from dataclasses import replace

import pytest

from paas.domain.addresses import AddressPool
from paas.domain.errors import ForeignGuest, StepFailed, Unreachable
from paas.domain.specs import Resources
from paas.targets.contract import Reserved, Wanted
from paas.targets.proxmox import places
from paas.targets.proxmox.survey import NodeRoom, Present, Survey, addresses, grew, identity
from paas.tools.proxmox import Access

from .world import World, site_of

SITE = site_of(Access("https://pve.example", "a@pve!b=c"))
TEMPLATE = {"frozen": {"template": "local:vztmpl/x.tar.zst", "os_type": "debian"}, "nodes": None}
WANTED = Wanted(0, 8000, Resources(2, 1024, 10))


def room(name: str, **changes: object) -> NodeRoom:
    base = NodeRoom(name, cores=4, memory=8192, memory_used=1024, disk=100, disk_used=20)
    return replace(base, **changes)  # type: ignore[arg-type]


def survey(*nodes: NodeRoom, guests: tuple[Present, ...] = (), **template: object) -> Survey:
    return Survey(
        nodes, {one.vmid: one for one in guests}, ("192.0.2.11",), {**TEMPLATE, **template}
    )


def taken(vmid: int, node: str = "a", **changes: object) -> Reserved:
    base = Reserved("proxmox", node, f"10.0.0.{vmid}", Resources(2, 2048, 10), vmid, False)
    return replace(base, **changes)  # type: ignore[arg-type]


def test_the_node_with_the_most_free_memory_is_taken() -> None:
    place = places.choose(SITE, "lxc", WANTED, [], survey(room("a"), room("b", memory_used=512)))
    assert (place.endpoint, place.node, place.address) == ("proxmox", "b", "10.0.0.20")
    assert place.frozen == {
        "template": "local:vztmpl/x.tar.zst",
        "os_type": "debian",
        "storage": "local-lvm",
        "bridge": "vmbr0",
        "vlan": 0,
        "pool": "paas",
        "prefix": 24,
        "gateway": "10.0.0.1",
        "dns": ["10.0.0.1"],
        "guests": ["10.0.0.20-10.0.0.99"],
        "routers": [],
        "nodes": ["192.0.2.11"],
    }


def test_what_is_reserved_and_not_made_yet_is_taken_off() -> None:
    look = survey(room("a"), room("b", memory_used=2048))
    assert places.choose(SITE, "lxc", WANTED, [], look).node == "a"
    assert places.choose(SITE, "lxc", WANTED, [taken(40)], look).node == "b"


def test_what_is_made_counts_once_and_with_its_full_size() -> None:
    guest = Present(40, "a", 2048, 100, 2)
    look = survey(room("a"), guests=(guest,))
    left = places.free(look.nodes[0], [taken(40)], look)
    assert (left.cores, left.memory, left.disk) == (14, 8192 - 1024 - 1948, 80)
    moved = survey(room("a"), room("b"), guests=(replace(guest, node="b"),))
    assert places.free(moved.nodes[0], [taken(40)], moved).memory == 7168
    assert places.free(moved.nodes[1], [taken(40)], moved).memory == 7168 - 1948


def test_a_thin_storage_is_not_promised_twice() -> None:
    guests = tuple(Present(n, "a", 0, 0, 1) for n in range(40, 49))
    look = survey(room("a", disk_used=5), guests=guests)
    reserved = [taken(n, resources=Resources(1, 0, 10)) for n in range(40, 49)]
    assert places.free(look.nodes[0], reserved, look).disk == 10
    elsewhere = [*reserved, taken(60, node="b")]
    assert places.free(look.nodes[0], elsewhere, look).disk == 10
    shared = replace(look, nodes=(replace(look.nodes[0], shared=True),))
    assert places.free(shared.nodes[0], elsewhere, shared).disk == 0


def test_reservations_of_other_endpoints_do_not_count() -> None:
    look = survey(room("a"))
    other = taken(20, endpoint="local", resources=Resources(99, 99999, 999))
    assert places.choose(SITE, "lxc", WANTED, [other], look).address == "10.0.0.20"


def test_addresses_are_given_once_over_all_endpoints() -> None:
    other = taken(20, endpoint="worker-2")
    place = places.choose(SITE, "lxc", WANTED, [other], survey(room("a")))
    assert place.address == "10.0.0.21"
    elsewhere = places.choose(
        replace(SITE, endpoint="worker-2"), "lxc", WANTED, [], survey(room("a"))
    )
    assert elsewhere.endpoint == "worker-2"


def test_nothing_new_goes_to_a_node_that_is_drained() -> None:
    look = survey(room("a"), room("b", memory_used=4096))
    assert places.choose(SITE, "lxc", replace(WANTED, without=frozenset("a")), [], look).node == "b"
    with pytest.raises(StepFailed, match="a takes no new guests; b takes no new guests"):
        places.choose(SITE, "lxc", replace(WANTED, without=frozenset("ab")), [], look)
    away = survey(room("a"), room("b", reason="is offline"))
    with pytest.raises(Unreachable, match="a takes no new guests; b is offline"):
        places.choose(SITE, "lxc", replace(WANTED, without=frozenset("a")), [], away)


def test_a_node_is_avoided_for_as_long_as_another_has_room() -> None:
    wanted = replace(WANTED, avoid=frozenset("a"))
    look = survey(room("a"), room("b", memory_used=4096))
    assert places.choose(SITE, "lxc", wanted, [], look).node == "b"
    full = survey(room("a"), room("b", memory_used=8000))
    place = places.choose(SITE, "lxc", wanted, [], full)
    assert (place.node, place.free) == ("a", 8192 - 1024)


def test_a_plan_names_nodes_storage_and_network() -> None:
    look = survey(room("a"), room("b", memory_used=4096))
    fast = (room("a", reason="has no storage fast"), room("b", memory_used=4096, disk_used=0))
    look = replace(look, storages={"local-lvm": look.nodes, "fast": fast})
    plan = {"storage": "fast", "bridge": "vmbr7", "vlan": 30}
    place = places.choose(SITE, "lxc", replace(WANTED, placement=plan), [], look)
    kept = {name: place.frozen[name] for name in plan}
    assert (place.node, kept) == ("b", plan)
    only = replace(WANTED, placement={"nodes": ["b"]})
    assert places.choose(SITE, "lxc", only, [], look).node == "b"
    with pytest.raises(StepFailed, match="a has no storage slow; b has no storage slow"):
        places.choose(SITE, "lxc", replace(WANTED, placement={"storage": "slow"}), [], look)
    with pytest.raises(StepFailed, match="pve9 is not among the nodes"):
        places.choose(SITE, "lxc", replace(WANTED, placement={"nodes": ["pve9"]}), [], look)


def test_only_what_lies_on_the_same_storage_takes_its_room() -> None:
    held = [taken(40, storage="fast"), taken(41, storage="local-lvm"), taken(42)]
    look = survey(room("a"))
    assert places.free(look.nodes[0], held, look, "local-lvm").disk == 100 - 20 - 20
    assert places.free(look.nodes[0], held, look, "fast").disk == 100 - 20 - 20
    assert places.free(look.nodes[0], held, look).disk == 100 - 20 - 30


def test_a_machine_on_a_local_storage_is_cloned_where_its_template_is() -> None:
    frozen = {"template": 9000, "template_node": "a"}
    shared = survey(room("a", memory_used=4096, shared=True), room("b", shared=True), frozen=frozen)
    local = (room("a", memory_used=4096), room("b"))
    look = replace(shared, storages={"local-lvm": shared.nodes, "fast": local})
    assert places.choose(SITE, "qemu", WANTED, [], look).node == "b"
    there = replace(WANTED, placement={"storage": "fast"})
    assert places.choose(SITE, "qemu", there, [], look).node == "a"


def test_a_full_cluster_says_what_each_node_lacks() -> None:
    look = survey(
        room("a", memory=1500),
        room("b", reason="is offline"),
        room("c", cores=1, disk_used=95),
        room("d"),
        nodes=["a", "c"],
    )
    with pytest.raises(StepFailed) as caught:
        places.choose(SITE, "lxc", WANTED, [], look)
    assert caught.value.message == (
        "No node has room for a guest with 2 cores, 1024 MB of memory and 10 GB of disk: "
        "a has only 476 MB of memory left; b is offline; "
        "c has only 1 cores and 5 GB on local-lvm left; "
        "d does not have the template local:vztmpl/x.tar.zst. "
        "Remove or shrink what is there, or add a node"
    )


def test_addresses_run_out_in_words_and_dhcp_has_none() -> None:
    small = replace(SITE, addresses=AddressPool.parse("10.0.0.20-10.0.0.21/24"))
    look = survey(room("a"))
    held = [taken(20, resources=Resources(1, 1, 1)), taken(21, resources=Resources(1, 1, 1))]
    with pytest.raises(StepFailed, match="All 2 addresses for guests are taken"):
        places.choose(small, "lxc", WANTED, held, look)
    card = {"iface": "vmbr0", "cidr": "10.0.0.2/24", "gateway": "10.0.0.1"}
    by_dhcp = replace(look, bridges=(card,))
    place = places.choose(replace(SITE, addresses=None), "lxc", WANTED, held, by_dhcp)
    assert (place.address, place.frozen["prefix"]) == ("", 0)
    assert (place.frozen["guests"], place.frozen["routers"]) == (["10.0.0.0/24"], ["10.0.0.1"])


@pytest.mark.parametrize(("vlan", "where"), [(0, "vmbr0"), (30, "vmbr0 with VLAN 30")])
def test_where_no_firewall_could_refuse_other_guests_none_is_made(vlan: int, where: str) -> None:
    card = {"iface": "vmbr0" if vlan else "vmbr1", "cidr": "10.0.0.2/24"}
    look = replace(survey(room("a")), bridges=(card,))
    site = replace(SITE, addresses=None, vlan=vlan)
    with pytest.raises(StepFailed, match=f"by DHCP on {where}, .* PAAS_PROXMOX_ADDRESSES=dhcp,net"):
        places.choose(site, "lxc", WANTED, [], look)


def test_the_survey_sees_nodes_templates_and_storages(world: World) -> None:
    look = world.target.survey()
    rooms = {one.name: one for one in look.nodes}
    assert set(rooms) == {"pve1", "pve2"}
    assert all(one.memory > 0 and one.disk > 0 and not one.reason for one in look.nodes)
    assert look.apis == ("192.0.2.11", "192.0.2.12")
    assert world.target.taken_vmids(look) == {9000}
    frozen = look.template["frozen"]
    if world.kind == "qemu":
        assert look.template["nodes"] == ["pve1"]
        assert (frozen["template"], frozen["disk_interface"]) == (9000, "scsi0")
        assert frozen["template_disk"] == 3
    else:
        assert set(look.template["nodes"]) == {"pve1", "pve2"}
        assert frozen["os_type"] == "debian"
    world.pve.faults.offline("pve2")
    assert {one.name: one.reason for one in world.target.survey().nodes} == {
        "pve1": "",
        "pve2": "is offline",
    }


def test_a_missing_template_is_said_before_anything_is_made(world: World) -> None:
    if world.kind == "qemu":
        world.target.site = replace(world.target.site, vm_template=9999)
        with pytest.raises(StepFailed, match="There is no template 9999"):
            world.target.survey()
    else:
        world.target.site = replace(world.target.site, lxc_template="local:vztmpl/no.tar.zst")
        with pytest.raises(StepFailed, match=r"does not have the template local:vztmpl/no"):
            world.reserve()
    world.target.site = replace(world.target.site, vm_template=0, lxc_template="")
    assert len(world.target.refusals("flask")) == 1


def test_a_disk_is_never_below_the_templates_and_memory_never_below_the_least(
    world: World,
) -> None:
    guest = replace(world.reserve(), resources=Resources(1, 16, 1))
    values = world.target.values(guest)
    least = (256, 3) if world.kind == "qemu" else (64, 1)
    assert (values["memory"], values["disk"]) == least


def test_a_place_is_chosen_and_kept_for_what_the_guest_will_really_get() -> None:
    small = replace(WANTED, resources=Resources(1, 100, 5))
    frozen = {**TEMPLATE["frozen"], "template_disk": 32}  # type: ignore[dict-item]
    look = survey(room("a", disk_used=70), room("b", memory_used=8000), frozen=frozen)
    place = places.choose(SITE, "lxc", small, [], look)
    assert (place.node, place.resources) == ("b", Resources(1, 100, 32))
    with pytest.raises(StepFailed, match="256 MB of memory and 32 GB of disk: a has only 30 GB"):
        places.choose(SITE, "qemu", small, [], look)
    assert places.choose(SITE, "lxc", WANTED, [], survey(room("a"))).resources is None


def test_a_host_that_made_a_cluster_is_the_same_one() -> None:
    alone = [{"type": "node", "name": "pve1"}]
    grown = [{"type": "cluster", "name": "c"}, *alone, {"type": "node", "name": "pve2"}]
    assert grew("host pve1", grown)
    assert not grew("host pve1", alone)
    assert not grew("cluster pve1", grown)


def test_clones_of_one_template_have_one_lock(world: World) -> None:
    expected = "clone:proxmox:pve1:9000" if world.kind == "qemu" else ""
    assert world.target.lock_name(world.reserve()) == expected


def test_an_address_that_answers_is_another_machines(world: World) -> None:
    # A connection that is refused is an answer too.
    guest = replace(world.reserve(), address="127.0.0.1", port=1)
    with pytest.raises(ForeignGuest, match=r"127\.0\.0\.1 is in use"):
        world.target.check_free(guest)
    world.target.check_free(replace(guest, address="192.0.2.77"))
    world.target.check_free(replace(guest, address=""))


def test_the_endpoint_is_known_by_its_clusters_name(world: World) -> None:
    assert world.target.identity() == "cluster fakecluster"
    assert identity([{"type": "node", "name": "pve"}]) == "host pve"
    assert world.target.succeeds("host pve2")
    assert not world.target.succeeds("host pve9")
    assert not world.target.succeeds("cluster another")
    assert world.target.url == world.target.site.access.endpoint


def test_the_api_is_at_the_nodes_and_at_the_urls_host() -> None:
    status = [{"type": "cluster", "name": "c"}, {"type": "node", "ip": "192.0.2.11"}]
    assert addresses(status, "198.51.100.7") == ("192.0.2.11", "198.51.100.7")
    assert addresses(status, "192.0.2.11") == ("192.0.2.11",)
    assert addresses(status, "::1") == ("192.0.2.11",)
