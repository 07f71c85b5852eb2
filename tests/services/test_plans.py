"""Plans are checked whole, found by their slug, and never taken from under an app."""

import dataclasses
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from paas.domain.commerce import PlanSpec
from paas.domain.errors import Forbidden, Invalid, NotFound
from paas.domain.permissions import Role, Standing, granted
from paas.engine.platform import Platform
from paas.services import plans
from paas.services.plan_rules import SENTENCES, broken
from paas.store import plans as stored
from paas.store.people import AuditEntry
from tests.factories import ACTOR, app_row

USER = dataclasses.replace(ACTOR, permissions=granted(Role.USER, Standing.OWNER), role=Role.USER)
ENTERPRISE = PlanSpec(
    name="Enterprise",
    slug="enterprise",
    cpu_cores=8,
    ram_mb=16384,
    disk_gb=200,
    max_replicas=50,
    price_per_hour=Decimal("0.5"),
    features={"custom_domain": True, "regions": 3, "support": "24x7"},
)


def test_the_first_plans_begin_with_the_documented_one(platform: Platform) -> None:
    hobby, *others = plans.active(platform, USER)
    assert (hobby.name, hobby.slug, hobby.cpu_cores, hobby.ram_mb, hobby.disk_gb) == (
        "Hobby",
        "hobby",
        0.5,
        512,
        10,
    )
    assert (hobby.price_per_hour, hobby.price_per_month) == (Decimal("0.0069"), Decimal(5))
    assert hobby.features == {"custom_domain": False, "auto_scaling": False, "ssl": True}
    assert [one.slug for one in others] == ["standard", "pro"]


def test_a_plan_is_created_changed_and_taken_from_the_offer(platform: Platform) -> None:
    made = plans.create(platform, ACTOR, ENTERPRISE)
    assert (made.price_per_hour, made.price_per_month) == (Decimal("0.5"), None)
    changed = plans.update(platform, ACTOR, made.id, {"is_active": False, "cpu_cores": 0.15})
    assert (changed.id, changed.is_active, changed.cpu_cores) == (made.id, False, 0.15)
    assert made.id not in {one.id for one in plans.active(platform, USER)}
    assert made.id in {one.id for one in plans.everything(platform, ACTOR)}
    with platform.store.read() as session:
        told = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [one.action for one in told] == ["plan.create", "plan.update"]
    assert told[1].details == {"changed": ["cpu_cores", "is_active"]}


def test_a_plan_that_an_app_has_becomes_inactive_and_another_goes(platform: Platform) -> None:
    used, unused = plans.active(platform, ACTOR)[:2]
    with platform.store.write() as session:
        app_row(session, plan_id=stored.find(session, used.id).id)
    kept = plans.delete(platform, ACTOR, used.id)
    assert (kept.is_gone, kept.plan.is_active) == (False, False)
    assert plans.delete(platform, ACTOR, unused.id).is_gone
    left = {one.id for one in plans.everything(platform, ACTOR)}
    assert used.id in left
    assert unused.id not in left


def test_a_slug_belongs_to_one_plan(platform: Platform) -> None:
    made = plans.create(platform, ACTOR, ENTERPRISE)
    with pytest.raises(Invalid, match="'enterprise' is taken"):
        plans.create(platform, ACTOR, ENTERPRISE)
    with pytest.raises(Invalid, match="'hobby' is taken"):
        plans.update(platform, ACTOR, made.id, {"slug": "hobby"})
    assert plans.update(platform, ACTOR, made.id, {"slug": "enterprise"}).slug == "enterprise"


BROKEN: list[tuple[str, Any]] = [
    ("name", ""),
    ("name", " blank"),
    ("name", "two\nlines"),
    ("slug", "Upper"),
    ("slug", "-dash"),
    ("slug", "a" * 65),
    ("cpu_cores", 0),
    ("cpu_cores", -0.5),
    ("cpu_cores", 0.07),
    ("cpu_cores", 16.05),
    ("cpu_cores", True),
    ("cpu_cores", float("inf")),
    ("ram_mb", 255),
    ("ram_mb", 512.5),
    ("disk_gb", 501),
    ("max_replicas", 0),
    ("price_per_hour", Decimal("-0.01")),
    ("price_per_hour", Decimal("0.0000001")),
    ("price_per_hour", Decimal("NaN")),
    ("price_per_hour", Decimal("1e30")),
    ("price_per_month", Decimal("0.001")),
    ("features", {"nested": {}}),
    ("features", {"list": []}),
    ("features", {"none": None}),
    ("features", {"": True}),
    ("features", {"huge": 1e300}),
    ("features", {f"f{i}": True for i in range(51)}),
    ("placement", {"rack": "r1"}),
    ("placement", {"nodes": "pve1"}),
    ("placement", {"nodes": ["pve1; rm"]}),
    ("placement", {"storage": "../etc"}),
    ("placement", {"vlan": 4095}),
    ("is_active", 1),
]


@pytest.mark.parametrize(("field", "value"), BROKEN)
def test_each_rule_has_its_sentence(field: str, value: object) -> None:
    assert broken(vars(ENTERPRISE) | {field: value}) == [SENTENCES[field]]


def test_all_broken_rules_are_told_at_once_in_the_order_of_the_fields(platform: Platform) -> None:
    found = dataclasses.replace(ENTERPRISE, disk_gb=1, name="", cpu_cores=0.01)
    with pytest.raises(Invalid) as refused:
        plans.create(platform, ACTOR, found)
    assert refused.value.errors == [SENTENCES[name] for name in ("name", "cpu_cores", "disk_gb")]


def test_steps_of_a_core_are_exact() -> None:
    for steps in range(1, 321):
        assert broken(vars(ENTERPRISE) | {"cpu_cores": steps * 5 / 100}) == []


def test_the_default_plan_is_the_chosen_one_while_it_is_offered(platform: Platform) -> None:
    pro = next(one for one in plans.active(platform, ACTOR) if one.slug == "pro")
    with platform.store.read() as session:
        assert stored.default(session, "pro").slug == "pro"
        assert stored.default(session, "").slug == "hobby"
    plans.update(platform, ACTOR, pro.id, {"is_active": False})
    with platform.store.read() as session:
        assert stored.default(session, "pro").slug == "hobby"


def test_only_administrators_make_plans(platform: Platform) -> None:
    plan = plans.active(platform, USER)[0]
    for attempt in (
        lambda: plans.everything(platform, USER),
        lambda: plans.create(platform, USER, ENTERPRISE),
        lambda: plans.update(platform, USER, plan.id, {"name": "Mine"}),
        lambda: plans.delete(platform, USER, plan.id),
    ):
        with pytest.raises(Forbidden):
            attempt()


@pytest.mark.parametrize("unknown", ["no-uuid", "00000000-0000-4000-8000-000000000000", "\x00"])
def test_an_unknown_plan_is_not_found(platform: Platform, unknown: str) -> None:
    with pytest.raises(NotFound):
        plans.update(platform, ACTOR, unknown, {"name": "x"})
    with pytest.raises(NotFound):
        plans.delete(platform, ACTOR, unknown)
