"""Making and removing a guest with Terraform, whatever an earlier attempt left."""


from paas.domain.errors import ForeignGuest, StepFailed
from paas.engine.attempt import Attempt, Record
from paas.engine.reserve import new_guest
from paas.engine.state_server import StateKeeper, serve
from paas.store import guests
from paas.targets.contract import Presence
from paas.tools import terraform

MOST_PLACES = 3


def provision(attempt: Attempt) -> Record:
    """Bring the guest to its row; a place that is taken by another's guest is left alone."""
    for _ in range(MOST_PLACES):
        guest_id = _guest_id(attempt)
        try:
            return _provision(attempt, guest_id)
        except ForeignGuest as error:
            attempt.say(f"{error.message}; another place is taken")
            with attempt.write() as session:
                guests.mark_gone(session, guest_id)
            new_guest(attempt)
    raise StepFailed(
        f"{MOST_PLACES} places in a row were taken by guests that are not ours. "
        "Look at what else uses the reserved range"
    )


def _guest_id(attempt: Attempt) -> int:
    with attempt.platform.store.read() as session:
        guest_id = attempt.app(session).guest_id
    if guest_id is None:
        return new_guest(attempt).id
    return guest_id


def _provision(attempt: Attempt, guest_id: int) -> Record:
    spec = attempt.guest()
    target = attempt.target(spec)
    keeper = StateKeeper(attempt, guest_id)
    values = dict(target.values(spec))
    digest = _digest(target, values)
    presence = target.observe(spec)
    if presence is Presence.FOREIGN:
        raise ForeignGuest(f"at {spec.address} there is a guest that is not ours")
    if _is_up_to_date(attempt, guest_id, presence, digest, keeper):
        attempt.log("terraform", "nothing to change: the guest is as its row says")
        return {"digest": digest}
    _clear_the_way(attempt, guest_id, spec, target, presence, keeper)
    with serve(keeper) as backend:
        workspace = terraform.Workspace.make(
            attempt.platform.terraform, attempt.workdir / "terraform", target.module, values
        )
        _apply(attempt, workspace, backend, keeper, allowed={"create", "update"}, destroy=False)
    if target.observe(spec) is not Presence.OURS:
        raise StepFailed(f"Terraform ended well, but there is no guest at {spec.address}")
    return {"digest": digest}
