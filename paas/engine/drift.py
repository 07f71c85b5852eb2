"""What to do about a guest that is not as its row says: take it as it is, or bring it back."""

from sqlalchemy.orm import Session

from paas.domain.errors import StepFailed
from paas.domain.states import AppState, GuestState
from paas.engine.attempt import Attempt, Record
from paas.engine.deploy import connect, settle_contact, wait_healthy
from paas.engine.endpoints import vouch
from paas.engine.power import keep_state, live_release
from paas.engine.provision import provision, settle_guest
from paas.engine.steps import Plan, Step
from paas.store import apps, guests
from paas.targets.contract import Presence

NUMBERS = ("cores", "memory", "disk")
ACCEPTED_LOSS = (
    "The app's guest was gone, and that was accepted. Redeploy makes a new guest; data that only "
    "the old one held is lost."
)


def look(attempt: Attempt) -> Record:
    """Note how the guest differs from its row."""
    spec = attempt.guest()
    target = attempt.target(spec)
    vouch(attempt.platform, target)
    presence = target.observe(spec)
    if presence is Presence.FOREIGN:
        raise StepFailed(f"vmid {spec.vmid} is another's guest now; delete this deployment")
    if presence is Presence.ABSENT:
        return {"gone": True}
    found = {one.name: one.found for one in target.differences(spec)}
    for name, value in found.items():
        attempt.say(f"{name} is {value} and is taken as it is")
    return {"gone": False, **found, "node": target.node_of(spec)}


def take_over(attempt: Attempt, session: Session, record: Record) -> None:
    """Write what was found into the rows."""
    app = attempt.app(session)
    guest = attempt.standing_row(session)
    if record["gone"]:
        guests.forget_release(session, guest)
        guests.mark_gone(session, guest.id)
        return
    guest.node = record["node"]
    for name in NUMBERS:
        if name in record:
            setattr(guest, name, int(record[name]))
            setattr(app, name, int(record[name]))
    if "cpu_limit" in record:
        guest.cpu_limit = app.cpu_limit = float(record["cpu_limit"]) or None


def agree(attempt: Attempt) -> Record:
    """Let Terraform's state agree with the new row: its plan must have nothing to do."""
    if attempt.recorded("look")["gone"]:
        return {}
    return provision(attempt)


def settle_agreement(attempt: Attempt, session: Session, record: Record) -> None:
    """Say in the row what the guest is made from now."""
    if record:
        settle_guest(attempt, session, record)


def adopted(attempt: Attempt, session: Session) -> None:
    """The app is in the state in which its guest was found."""
    app = attempt.app(session)
    found = [r for name, r in attempt.records.items() if name.partition("@")[0] == "look"]
    standing = [record for record in found if not record["gone"]]
    app.error_message = None if len(standing) == len(found) else ACCEPTED_LOSS
    if not standing:
        apps.set_state(session, app, AppState.FAILED)
    elif app.state == AppState.RUNNING and all(r.get("power") == "stopped" for r in standing):
        app.wanted = AppState.STOPPED
        apps.set_state(session, app, AppState.STOPPED)


def demand(attempt: Attempt) -> Record:
    """A guest that is gone is not repaired silently: its data are lost."""
    spec = attempt.guest()
    target = attempt.target(spec)
    vouch(attempt.platform, target)
    if target.observe(spec) is not Presence.OURS:
        raise StepFailed("the guest is gone; redeploy makes a new one, without the old one's data")
    return {}


def distrust(attempt: Attempt, session: Session, _record: Record) -> None:
    """What was applied does not hold any more, so Terraform is to look at the guest again."""
    attempt.standing_row(session).applied_values = None


def revive(attempt: Attempt) -> Record:
    """Bring power back to what is wanted."""
    release = live_release(attempt)
    spec = attempt.guest()
    target = attempt.target(spec)
    with attempt.platform.store.read() as session:
        stopped = attempt.app(session).wanted == AppState.STOPPED
    if stopped:
        target.stop(spec)
        return {}
    target.start(spec)
    return wait_healthy(attempt, release)


def power_up(attempt: Attempt) -> Record:
    """A guest must run to be looked into."""
    spec = attempt.guest()
    attempt.target(spec).start(spec)
    return connect(attempt)


def repaired(attempt: Attempt, session: Session) -> None:
    """The app is as its row wants it."""
    app = attempt.app(session)
    app.error_message = None
    stopped = app.wanted == AppState.STOPPED
    for guest in guests.standing(session, app.id):
        guest.state = GuestState.PRESENT
    apps.set_state(session, app, AppState.STOPPED if stopped else AppState.RUNNING)


ADOPT = Plan(
    (
        Step("look", look, settle=take_over, each=True),
        Step("agree", agree, settle=settle_agreement, each=True),
    ),
    adopted,
    keep_state,
)
REPAIR = Plan(
    (
        Step("demand", demand, settle=distrust, each=True),
        Step("provision", provision, settle=settle_guest, each=True),
        Step("connect", power_up, settle=settle_contact, each=True),
        Step("revive", revive, each=True),
    ),
    repaired,
    keep_state,
)
