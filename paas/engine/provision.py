"""Making and removing a guest with Terraform, whatever an earlier attempt left."""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from sqlalchemy.orm import Session

from paas.domain.errors import ForeignGuest, StepFailed, StepInterrupted, Unreachable
from paas.domain.specs import GuestSpec
from paas.domain.states import GuestState
from paas.engine.attempt import Attempt, Record
from paas.engine.endpoints import vouch
from paas.engine.reserve import new_guest
from paas.engine.state_server import StateKeeper, serve
from paas.settings import CHECKOUT
from paas.store import guests
from paas.store.base import utcnow
from paas.store.models import Guest
from paas.targets.contract import Presence, Target
from paas.tools import terraform

MOST_PLACES = 3
# Seconds between tries when Terraform failed for a reason that passes, such as a lock.
PAUSES = (2.0, 5.0, 15.0)
CREATING = frozenset({"create", "update"})
REMOVING = frozenset({"delete"})


def provision(attempt: Attempt) -> Record:
    """Bring the guest to its row; a place that is taken by another's guest is left alone."""
    for _ in range(MOST_PLACES):
        guest_id = _guest_id(attempt)
        try:
            return _provision(attempt, guest_id)
        except ForeignGuest as error:
            attempt.say(f"{error.message}; another place is taken")
            with attempt.write() as session:
                guests.forget_release(session, session.get_one(Guest, guest_id))
                guests.mark_gone(session, guest_id)
    raise StepFailed(
        f"{MOST_PLACES} places in a row were taken by guests that are not ours. "
        "Look at what else uses the reserved range"
    )


def _guest_id(attempt: Attempt) -> int:
    with attempt.platform.store.read() as session:
        row = attempt.guest_row(session)
    return new_guest(attempt).id if row is None else row.id


def _provision(attempt: Attempt, guest_id: int) -> Record:
    target = attempt.target(attempt.guest())
    vouch(attempt.platform, target)
    for pause in (*PAUSES, None):
        try:
            return _bring_about(attempt, guest_id, target)
        except terraform.TerraformFailed as error:
            # Somebody may have taken the number since it was seen free: then another is taken.
            _expect_no_stranger(target, attempt.guest())
            text = f"{error.message}\n{error.detail}"
            told = target.meaning(text) or error.message
            if not target.is_passing(text):
                raise StepFailed(told, detail=error.detail) from error
            if pause is None:
                raise Unreachable(told, detail=error.detail) from error
            attempt.say(f"{told.rstrip('.')}; tried again in {pause:.0f} s")
            attempt.pause(pause)
    raise AssertionError("the last pause is None")


def _bring_about(attempt: Attempt, guest_id: int, target: Target) -> Record:
    """One try: look at what there is, clear the way, let Terraform do the rest."""
    keeper = StateKeeper(attempt, guest_id)
    spec = attempt.guest()
    presence = _expect_no_stranger(target, spec)
    if presence is Presence.OURS:
        follow(attempt, guest_id, keeper)
        spec = attempt.guest()
    digest = _digest(target, target.values(spec))
    if presence is Presence.OURS and _applied(attempt, guest_id) == digest:
        attempt.log("terraform", "nothing to change: the guest is as its row says")
        return {"digest": digest}
    _clear_the_way(attempt, guest_id, presence, keeper)
    spec = attempt.guest()
    lock = target.lock_name(spec)
    with attempt.hold(lock):
        if lock:
            # It may have been waited for, and the number may have been taken meanwhile.
            _expect_no_stranger(target, spec)
        _run_terraform(attempt, spec, keeper, CREATING, is_absent=presence is Presence.ABSENT)
    if _expect_no_stranger(target, spec) is not Presence.OURS:
        raise StepFailed(f"Terraform ended well, but there is no guest {spec.vmid}")
    return {"digest": digest}


def _expect_no_stranger(target: Target, spec: GuestSpec) -> Presence:
    presence = target.observe(spec)
    if presence is Presence.FOREIGN:
        raise ForeignGuest(f"vmid {spec.vmid} is taken by a guest that is not ours")
    return presence


def follow(attempt: Attempt, guest_id: int, keeper: StateKeeper) -> None:
    """Take over the node on which the guest stands now: HA or an administrator moved it."""
    spec = _spec(attempt, guest_id)
    target = attempt.target(spec)
    node = target.node_of(spec)
    state = keeper.read()
    moved = target.moved_state(state, node) if state else None
    if moved is not None and moved != state:
        keeper.write(moved)
    if node != spec.node:
        attempt.say(f"guest {spec.vmid} was moved from {spec.node} to {node} and is followed")
        with attempt.write() as session:
            session.get_one(Guest, guest_id).node = node


def _spec(attempt: Attempt, guest_id: int) -> GuestSpec:
    with attempt.platform.store.read() as session:
        row = session.get_one(Guest, guest_id)
        return guests.spec(session, row, attempt.platform.installation)


def _digest(target: Target, values: Mapping[str, object]) -> str:
    """What the guest was made from: when it is the same, there is nothing to apply."""
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
    for file in sorted(target.module.glob("*.tf")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _applied(attempt: Attempt, guest_id: int) -> str | None:
    """What a guest that was finished once was made from; half a guest is always made on."""
    with attempt.platform.store.read() as session:
        row = session.get_one(Guest, guest_id)
        return row.applied_values if row.state == GuestState.PRESENT else None


def _clear_the_way(
    attempt: Attempt, guest_id: int, presence: Presence, keeper: StateKeeper
) -> None:
    """Bring what is there and what Terraform knows into one of the cases that an apply mends."""
    with attempt.platform.store.read() as session:
        guest = session.get_one(Guest, guest_id)
    known = keeper.holds_resources()
    if presence is Presence.ABSENT:
        if known:
            attempt.say("the guest is gone, so Terraform's record of it is dropped")
            keeper.forget()
        with attempt.write() as session:
            row = session.get_one(Guest, guest_id)
            row.preflight_at = utcnow()
            if row.state == GuestState.PRESENT:
                # Nothing serves any more, so this deployment is a first one again.
                guests.begin_again(row)
                guests.forget_release(session, row)
    elif guest.state == GuestState.RESERVED and (not known or keeper.is_tainted()):
        attempt.say("an earlier attempt left half a guest; it is removed first")
        spec = attempt.guest()
        attempt.target(spec).remove(spec)
        keeper.forget()


def _run_terraform(
    attempt: Attempt,
    spec: GuestSpec,
    keeper: StateKeeper,
    allowed: frozenset[str],
    *,
    is_absent: bool = False,
) -> None:
    """Plan, look whether the plan does only what is allowed, and apply exactly that plan.

    The place of a guest that is absent must be free before anything is made there.
    """
    platform = attempt.platform
    target = attempt.target(spec)
    folder = attempt.workdir / f"terraform-{spec.uuid}"
    workspace = terraform.Workspace.make(folder, target.module, target.values(spec))
    with serve(keeper) as backend:
        program = terraform.Terraform(
            find_binary(platform.settings.terraform, platform.environment.get("PATH", "")),
            workspace,
            attempt.bench(),
            backend,
            platform.folder("terraform"),
            providers=target.environment(attempt.workdir),
            mirror=platform.settings.terraform_mirror,
        )
        try:
            if allowed is CREATING and not is_absent:
                # What was adopted, or never reached the state, is not made a second time.
                program.take_in(target.imports(spec), keeper.read())
            # Silence is waited for as long as a plan takes, so both are done at once.
            with ThreadPoolExecutor(1) as beside:
                looked = beside.submit(target.check_free, spec) if is_absent else None
                plan = program.plan(destroy=allowed is REMOVING)
            if looked:
                looked.result()
            terraform.check_plan(plan, allowed)
            program.apply()
        except terraform.TerraformFailed as error:
            if error.errored_state is not None:
                keeper.write(error.errored_state)
            if error.was_killed:
                raise StepInterrupted(error.message, detail=error.detail) from error
            raise


@cache
def find_binary(setting: str, search_path: str) -> terraform.Binary:
    """The Terraform of this machine; a worker looks for it once, before it forks."""
    return terraform.find_terraform(setting, search_path, CHECKOUT / ".tools")


def settle_guest(attempt: Attempt, session: Session, record: Record) -> None:
    """Say in the guest's row that it is there, and what it was made from."""
    guest = attempt.standing_row(session)
    guest.state = GuestState.PRESENT
    guest.applied_values = record["digest"]


def unprovision(attempt: Attempt, _record: Record) -> None:
    """Remove the guest that this operation made; one that stood before stays with its data."""
    if stood_before(attempt):
        return
    with attempt.platform.store.read() as session:
        row = attempt.guest_row(session)
    if row is not None:
        destroy_guest(attempt, row.id)


def destroy_guest(attempt: Attempt, guest_id: int) -> None:
    """Remove a guest and see that it is gone; what stands there of others is left alone."""
    spec = _spec(attempt, guest_id)
    with attempt.platform.store.read() as session:
        was_begun = guests.was_begun(session.get_one(Guest, guest_id))
    if was_begun:
        target = attempt.target(spec)
        vouch(attempt.platform, target)
        if target.observe(spec) is not Presence.FOREIGN:
            _remove(attempt, guest_id, target)
            if target.observe(spec) is Presence.OURS:
                raise StepFailed(f"guest {spec.vmid} is still there after it was destroyed")
    with attempt.write() as session:
        guests.forget_release(session, session.get_one(Guest, guest_id))
        guests.mark_gone(session, guest_id)
    free = f"; {spec.address} is free again" if spec.address else ""
    attempt.say(f"guest {spec.vmid} is gone{free}")


def serving_release(attempt: Attempt) -> int | None:
    """The release that the guest served before this operation; None when it is a new one."""
    with attempt.platform.store.read() as session:
        row = attempt.guest_row(session)
        return row.release_id if row is not None else None


def stood_before(attempt: Attempt) -> bool:
    """Whether the replica's guest is the very one that stood when this operation began."""
    if serving_release(attempt) is not None:
        return True
    was = attempt.recorded("reserve").get("incarnation")
    with attempt.platform.store.read() as session:
        row = attempt.guest_row(session)
        return row is not None and row.incarnation == was


def _remove(attempt: Attempt, guest_id: int, target: Target) -> None:
    """Let Terraform destroy what it knows; then the target removes what is left of the guest."""
    keeper = StateKeeper(attempt, guest_id)
    spec = _spec(attempt, guest_id)
    if keeper.holds_resources() and target.observe(spec) is Presence.OURS:
        follow(attempt, guest_id, keeper)
        spec = _spec(attempt, guest_id)
        try:
            _run_terraform(attempt, spec, keeper, REMOVING)
        except StepFailed as error:
            attempt.say(f"{error.message}; the guest is proved ours and is removed without it")
    target.remove(spec)
