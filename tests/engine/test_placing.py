"""Where new guests go: over all endpoints, apart from each other, as their plan says."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from paas.domain.errors import PaasError, StepFailed, Unreachable
from paas.domain.nodes import NodeState
from paas.engine import placing
from paas.engine.platform import Platform
from paas.store import guests, nodes
from paas.store.commerce import Plan
from paas.store.models import App
from paas.targets.contract import Machine, Place, Reserved, Target, Wanted
from tests.factories import app_row


@dataclass
class Endpoint:
    """A target with nodes of so much free memory, that chooses as Proxmox's does."""

    endpoint: str
    free: dict[str, int]
    name: str = "local"
    url: str = ""
    vmids: range = range(100_000, 100_100)
    taken: frozenset[int] = frozenset()
    away: PaasError | None = None
    asked: list[Wanted] = field(default_factory=list)

    def identity(self) -> str:
        return ""

    def survey(self) -> object:
        if self.away:
            raise self.away
        return self.free

    def place(self, wanted: Wanted, reserved: Sequence[Reserved], survey: object) -> Place:
        assert survey is self.free
        self.asked.append(wanted)
        open_ones = [
            (name in wanted.avoid, -memory, name)
            for name, memory in self.free.items()
            if name not in wanted.without
        ]
        if not open_ones:
            raise StepFailed(f"{self.endpoint} is full")
        _, memory, name = min(open_ones)
        return Place(self.endpoint, name, f"10.0.0.{20 + wanted.index}", free=-memory)

    def taken_vmids(self, survey: object) -> frozenset[int]:
        return self.taken


def over(bare: Platform, *endpoints: Endpoint) -> Platform:
    own, *others = endpoints
    targets: dict[str, Target] = {"local": own}  # type: ignore[dict-item]
    return dataclasses.replace(bare, targets=targets, elsewhere=lambda: others)


def place(platform: Platform, slot: int = 1, app_id: int = 0, **changes: object) -> placing.Choice:
    looks = placing.look(platform, "lxc")
    with platform.store.write() as session:
        sealed = platform.store.vault.seal_map({})
        app = session.get(App, app_id) or app_row(session, environment=sealed, **changes)
        chosen = placing.choose(session, looks, app, slot)
        guests.reserve(session, app, chosen.target.name, chosen.place, chosen.vmid, slot)
        return chosen


def new_app(platform: Platform) -> int:
    with platform.store.write() as session:
        return app_row(session, environment=platform.store.vault.seal_map({})).id


def test_the_endpoint_with_the_most_room_is_taken(bare: Platform) -> None:
    platform = over(bare, Endpoint("own", {"a": 100}), Endpoint("worker-2", {"pve": 200}))
    assert place(platform).place.endpoint == "worker-2"
    equal = over(bare, Endpoint("own", {"a": 200}), Endpoint("worker-2", {"pve": 200}))
    assert place(equal).place.endpoint == "own"


def test_replicas_are_spread_over_nodes_and_endpoints(bare: Platform) -> None:
    platform = over(bare, Endpoint("own", {"a": 900, "b": 300}), Endpoint("worker-2", {"a": 600}))
    app_id = new_app(platform)
    spread = [place(platform, slot, app_id).place for slot in (1, 2, 3, 4)]
    where = [(one.endpoint, one.node) for one in spread]
    assert where == [("own", "a"), ("worker-2", "a"), ("own", "b"), ("own", "a")]


def test_a_replicas_own_place_is_not_in_its_way(bare: Platform) -> None:
    platform = over(bare, Endpoint("own", {"a": 900, "b": 300}))
    place(platform, 1, new_app(platform))
    own = platform.targets["local"]
    assert own.asked[-1].avoid == frozenset()  # type: ignore[attr-defined]


def test_nodes_that_drain_are_closed_where_they_are_alone(bare: Platform) -> None:
    platform = over(bare, Endpoint("own", {"a": 900}), Endpoint("worker-2", {"a": 600}))
    with platform.store.write() as session:
        machine = Machine("a", "192.0.2.1")
        nodes.meet(session, "own", [machine], {"a": {}})
        (row,) = nodes.of(session, "own")
        row.state = NodeState.DRAINING
    assert place(platform).place.endpoint == "worker-2"


def test_an_endpoint_that_is_away_is_passed_over(bare: Platform) -> None:
    away = Endpoint("own", {"a": 900}, away=Unreachable("own is away"))
    assert place(over(bare, away, Endpoint("worker-2", {"a": 1}))).place.endpoint == "worker-2"
    broken = Endpoint("worker-2", {"a": 1}, away=StepFailed("There is no template"))
    with pytest.raises(Unreachable, match="own is away"):
        place(over(bare, away, broken))
    with pytest.raises(StepFailed, match="There is no template"):
        place(over(bare, broken))


def test_what_the_first_says_is_said_when_all_are_full(bare: Platform) -> None:
    with pytest.raises(StepFailed, match="own is full"):
        place(over(bare, Endpoint("own", {}), Endpoint("worker-2", {})))


def test_numbers_that_are_in_use_are_passed_over(bare: Platform) -> None:
    taken = frozenset({100_000, 100_001})
    platform = over(bare, Endpoint("own", {"a": 900}, taken=taken))
    assert place(platform).vmid == 100_002
    assert place(platform).vmid == 100_003


def test_the_plans_placement_and_part_of_a_core_are_asked_for(bare: Platform) -> None:
    platform = over(bare, Endpoint("own", {"a": 900}))
    wanted = {"nodes": ["a"], "storage": "fast"}
    with platform.store.write() as session:
        plan = Plan(
            name="Half", slug="half", cpu_cores=0.5, ram_mb=256, disk_gb=5, max_replicas=1,
            price_per_hour=0, placement=wanted,
        )  # fmt: skip
        session.add(plan)
        session.flush()
        plan_id = plan.id
    place(platform, plan_id=plan_id, cpu_limit=0.5)
    asked = platform.targets["local"].asked[-1]  # type: ignore[attr-defined]
    assert asked.placement == wanted
    assert asked.resources.cpu_limit == 0.5
