"""Rows against guests: what is lost, what is left over, what nobody speaks for."""

from dataclasses import replace
from uuid import uuid4

import pytest

from paas.domain.errors import Conflict, NotFound, Unreachable
from paas.domain.specs import GuestSpec, Resources
from paas.domain.states import AppState, GuestState, OperationKind
from paas.engine import operation as engine
from paas.engine import reconciler
from paas.engine.plans import PLANS
from paas.engine.platform import Platform
from paas.frameworks.catalogue import Catalogue
from paas.services import deployments, drift, reconcile
from paas.settings import CHECKOUT
from paas.store import apps, guests
from paas.store.models import App, Guest, Release
from paas.targets.contract import Place
from tests.engine import live
from tests.engine.pretend import PretendTarget
from tests.factories import ACTOR, app_row


@pytest.fixture
def target() -> PretendTarget:
    return PretendTarget()


@pytest.fixture
def platform(bare: Platform, target: PretendTarget) -> Platform:
    return replace(
        bare,
        settings=replace(bare.settings, target="proxmox"),
        catalogue=Catalogue.load(CHECKOUT / "frameworks"),
        targets={target.name: target},  # type: ignore[dict-item]
    )


def running(platform: Platform, target: PretendTarget) -> GuestSpec:
    """A running app whose guest stands."""
    with platform.store.write() as session:
        app = app_row(session, environment=platform.store.vault.seal_map({}))
        vmid = guests.next_vmid(session, "proxmox", target.vmids)
        place = Place("proxmox", "pve1", f"10.0.0.{vmid % 200 + 20}")
        guest = guests.reserve(session, app, target.name, place, vmid)
        guest.state = GuestState.PRESENT
        release = Release(
            app_id=app.id, number=1, sha="1" * 40, archive="", plan={}, environment=b""
        )
        session.add(release)
        session.flush()
        app.live_release_id = release.id
        for state in (AppState.PROVISIONING, AppState.DEPLOYING, AppState.RUNNING):
            apps.set_state(session, app, state)
        spec = guests.spec(session, guest, platform.installation)
    target.put(spec.vmid, spec.marker)
    return spec


def app_of(platform: Platform, spec: GuestSpec) -> App:
    with platform.store.read() as session:
        guest = session.query(Guest).filter_by(uuid=spec.uuid).one()
        return session.get_one(App, guest.app_id)


def row_of(platform: Platform, spec: GuestSpec) -> Guest:
    with platform.store.read() as session:
        return session.query(Guest).filter_by(uuid=spec.uuid).one()


def gone(platform: Platform, spec: GuestSpec) -> None:
    with platform.store.write() as session:
        guests.mark_gone(session, session.query(Guest).filter_by(uuid=spec.uuid).one().id)


def test_what_is_as_its_rows_say_is_left_alone(platform: Platform, target: PretendTarget) -> None:
    spec = running(platform, target)
    reconciler.reconcile(platform)
    assert app_of(platform, spec).state == AppState.RUNNING
    assert reconcile.report(platform, ACTOR) == ()


def test_a_guest_that_vanished_is_reported(platform: Platform, target: PretendTarget) -> None:
    spec = running(platform, target)
    del target.machines[spec.vmid]
    assert [one.kind for one in reconcile.report(platform, ACTOR)] == ["missing"]
    reconciler.reconcile(platform)
    app = app_of(platform, spec)
    assert (app.state, app.error_message) == (AppState.FAILED, reconciler.LOST)


def test_a_stranger_in_the_guests_place_is_not_taken_for_it(
    platform: Platform, target: PretendTarget
) -> None:
    spec = running(platform, target)
    target.put(spec.vmid, "")
    reconciler.reconcile(platform)
    assert app_of(platform, spec).state == AppState.FAILED
    assert spec.vmid in target.machines
    assert target.removed == []


def test_nothing_is_concluded_while_the_cluster_is_away(
    platform: Platform, target: PretendTarget
) -> None:
    spec = running(platform, target)
    target.machines.clear()
    target.is_away = True
    reconciler.reconcile(platform)
    assert app_of(platform, spec).state == AppState.RUNNING
    with pytest.raises(Unreachable):
        reconcile.report(platform, ACTOR)


def test_another_cluster_behind_the_same_setting_is_not_believed(
    platform: Platform, target: PretendTarget
) -> None:
    spec = running(platform, target)
    reconciler.reconcile(platform)
    target.machines.clear()
    target.cluster = "cluster beta"
    reconciler.reconcile(platform)
    assert app_of(platform, spec).state == AppState.RUNNING
    with pytest.raises(Unreachable, match="live on cluster alpha"):
        reconcile.report(platform, ACTOR)


def test_a_host_that_became_a_cluster_is_still_the_one(
    platform: Platform, target: PretendTarget
) -> None:
    spec = running(platform, target)
    reconciler.reconcile(platform)
    target.cluster, target.grown_from = "cluster gamma", "cluster alpha"
    assert reconcile.report(platform, ACTOR) == ()
    target.grown_from = ""
    assert reconcile.report(platform, ACTOR) == ()
    assert app_of(platform, spec).state == AppState.RUNNING


def test_a_copy_of_our_guest_is_neither_followed_nor_touched(
    platform: Platform, target: PretendTarget
) -> None:
    spec = running(platform, target)
    target.put(150_000, spec.marker, node="pve2")
    assert [(one.vmid, one.kind) for one in reconcile.report(platform, ACTOR)] == [
        (150_000, "copy")
    ]
    reconciler.reconcile(platform)
    assert row_of(platform, spec).node == "pve1"
    gone(platform, spec)
    del target.machines[spec.vmid]
    reconciler.reconcile(platform)
    assert target.removed == []


def test_guests_of_a_node_that_is_away_are_waited_for(
    platform: Platform, target: PretendTarget
) -> None:
    spec = running(platform, target)
    target.put(spec.vmid, "", is_readable=False)
    assert reconcile.report(platform, ACTOR) == ()
    reconciler.reconcile(platform)
    assert app_of(platform, spec).state == AppState.RUNNING


def test_what_is_in_the_way_of_one_is_not_in_the_way_of_the_others(
    platform: Platform, target: PretendTarget
) -> None:
    stuck, free = running(platform, target), running(platform, target)
    gone(platform, stuck)
    gone(platform, free)
    target.stuck.add(stuck.vmid)
    reconciler.reconcile(platform)
    assert target.removed == [free.vmid]


def test_a_moved_guest_is_followed(platform: Platform, target: PretendTarget) -> None:
    spec = running(platform, target)
    target.put(spec.vmid, spec.marker, node="pve2")
    reconciler.reconcile(platform)
    assert row_of(platform, spec).node == "pve2"


def test_only_what_its_row_calls_gone_is_removed_by_itself(
    platform: Platform, target: PretendTarget
) -> None:
    left = running(platform, target)
    gone(platform, left)
    unknown = target.put(150_000, f"{platform.installation}/{uuid4()}")
    foreign = target.put(150_001, "")
    second = target.put(150_002, f"{uuid4()}/{uuid4()}")
    assert {one.vmid: one.kind for one in reconcile.report(platform, ACTOR)} == {
        left.vmid: "leftover",
        unknown.vmid: "unknown",
        foreign.vmid: "foreign",
        second.vmid: "foreign",
    }
    assert target.removed == []
    reconciler.reconcile(platform)
    assert target.removed == [left.vmid]


def test_an_unknown_guest_is_adopted_as_an_app_that_can_be_redeployed(
    platform: Platform, target: PretendTarget
) -> None:
    about = {"name": "Shop", "framework": "flask", "repository": "https://github.com/o/r"}
    marker = f"{platform.installation}/{uuid4()}"
    target.put(150_000, marker, about={**about, "port": "8123"}, resources=Resources(2, 512, 8))
    app = reconcile.adopt(platform, ACTOR, 150_000)
    assert (app.name, app.framework, app.port, app.vmid) == ("Shop", "flask", 8123, 150_000)
    assert (app.state, app.error_message) == (AppState.FAILED, reconcile.ADOPTED)
    assert app.resources == Resources(2, 512, 8)
    assert reconcile.report(platform, ACTOR) == ()
    assert deployments.redeploy(platform, ACTOR, app.id).kind == OperationKind.REDEPLOY


def test_what_does_not_say_which_app_it_is_cannot_be_adopted(
    platform: Platform, target: PretendTarget
) -> None:
    target.put(150_000, f"{platform.installation}/{uuid4()}")
    with pytest.raises(Conflict, match="does not say which app"):
        reconcile.adopt(platform, ACTOR, 150_000)
    assert reconcile.remove(platform, ACTOR, 150_000).vmid == 150_000
    assert target.machines == {}


@pytest.mark.parametrize(
    "broken",
    [
        {"port": "abc"},
        {"port": "70000"},
        {"name": "a b"},
        {"repository": "file:///etc"},
        {"framework": "cobol"},
        {"branch": "--upload-pack=x"},
    ],
)
def test_what_the_description_says_is_held_to_the_rules_of_the_door(
    platform: Platform, target: PretendTarget, broken: dict[str, str]
) -> None:
    about = {"name": "shop", "framework": "flask", "repository": "https://github.com/o/r"}
    target.put(150_000, f"{platform.installation}/{uuid4()}", about={**about, **broken})
    with pytest.raises(Conflict, match="does not say which app"):
        reconcile.adopt(platform, ACTOR, 150_000)


def test_a_number_whose_row_is_gone_can_be_adopted(
    platform: Platform, target: PretendTarget
) -> None:
    spec = running(platform, target)
    gone(platform, spec)
    about = {"name": "shop", "framework": "flask", "repository": "https://github.com/o/r"}
    target.put(spec.vmid, f"{platform.installation}/{uuid4()}", about=about)
    assert reconcile.adopt(platform, ACTOR, spec.vmid).vmid == spec.vmid


def test_neither_answer_is_for_guests_of_others_or_with_rows(
    platform: Platform, target: PretendTarget
) -> None:
    spec = running(platform, target)
    target.put(150_000, f"{uuid4()}/{uuid4()}")
    for vmid in (spec.vmid, 150_000, 160_000):
        for answer in (reconcile.adopt, reconcile.remove):
            with pytest.raises(NotFound):
                answer(platform, ACTOR, vmid)
    assert target.removed == []


def answer(platform: Platform, app_id: str, kind: OperationKind) -> str | None:
    begin = drift.adopt if kind is OperationKind.ADOPT else drift.repair
    operation = begin(platform, ACTOR, app_id)
    engine.run(platform, PLANS, operation.id)
    return deployments.operation(platform, ACTOR, operation.id).error


def test_drift_is_told_and_a_loss_can_be_accepted(
    platform: Platform, target: PretendTarget
) -> None:
    spec = running(platform, target)
    app_id = app_of(platform, spec).uuid
    assert drift.examine(platform, ACTOR, app_id).differences == ()
    target.put(spec.vmid, spec.marker, node="pve2", resources=Resources(1, 512, 5))
    target.stopped.add(spec.vmid)
    seen = drift.examine(platform, ACTOR, app_id)
    assert [(d.name, d.wanted, d.found) for d in seen.differences] == [
        ("node", "pve1", "pve2"),
        ("memory", "256", "512"),
        ("power", "running", "stopped"),
    ]
    del target.machines[spec.vmid]
    assert "redeploy makes a new one" in str(answer(platform, app_id, OperationKind.REPAIR))
    assert answer(platform, app_id, OperationKind.ADOPT) is None
    app = deployments.get(platform, ACTOR, app_id)
    assert (app.state, app.vmid) == (AppState.FAILED, None)
    with pytest.raises(Conflict, match="no guest"):
        drift.examine(platform, ACTOR, app_id)


def test_work_waits_for_a_cluster_that_is_away_and_says_so(
    platform: Platform, target: PretendTarget
) -> None:
    spec = running(platform, target)
    app_id = app_of(platform, spec).uuid
    target.is_away = True
    operation = drift.adopt(platform, ACTOR, app_id)
    for _ in range(engine.MOST_ATTEMPTS + 2):
        live.run_due(platform, operation)
    assert deployments.operation(platform, ACTOR, operation.id).finished_at is None
    told = deployments.get(platform, ACTOR, app_id).error_message
    assert told == "waiting: https://pve.example:8006 does not answer"


def test_patience_has_an_end(platform: Platform, target: PretendTarget) -> None:
    hasty = replace(platform, settings=replace(platform.settings, proxmox_patience=0))
    spec = running(hasty, target)
    app_id = app_of(hasty, spec).uuid
    target.is_away = True
    assert "does not answer" in str(answer(hasty, app_id, OperationKind.ADOPT))
    assert deployments.get(hasty, ACTOR, app_id).state == AppState.RUNNING
