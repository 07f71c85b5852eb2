"""Apps: their rows, their state and the counters that follow it, and how they are listed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Executable, Table, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from paas.domain.errors import NotFound
from paas.domain.machine import check_transition
from paas.domain.specs import Actor, Resources
from paas.domain.states import ACTIVE_OPERATION_STATES, AppState, GuestState
from paas.domain.views import AppView, ReplicaView, StepView
from paas.store import events, usage
from paas.store.base import utcnow
from paas.store.commerce import Plan
from paas.store.models import App, AppCount, Guest, Operation, Release, Step

MISSING = "Deployment not found"
Totals = Callable[[str, Mapping[str, Any]], int]
"""How many steps an operation of a kind with its options has."""
ENDS_SERVING = (AppState.STOPPED, AppState.FAILED, AppState.SUSPENDED, AppState.DELETED)
_APPS = cast(Table, App.__table__)
_HOLDER = select(_APPS.c.uuid, _APPS.c.state).where(
    _APPS.c.tenant_id == bindparam("tenant_id"),
    _APPS.c.slug == bindparam("slug"),
    _APPS.c.state != AppState.DELETED,
)
_INSERT = insert(_APPS).returning(_APPS.c.id)


def _counting(insert: sqlite.Insert | postgresql.Insert) -> Executable:
    change = insert.excluded.n
    return insert.on_conflict_do_update(
        index_elements=["tenant_id", "state"], set_={"n": _COUNTS.c.n + change}
    )


_COUNTS = cast(Table, AppCount.__table__)
_COUNT = {
    "sqlite": _counting(sqlite.insert(_COUNTS)),
    "postgresql": _counting(postgresql.insert(_COUNTS)),
}


def find(session: Session, actor: Actor, uuid: str, *, lock: bool = False) -> App:
    """The actor's app, deleted ones included; raises ``NotFound``."""
    query = select(App).where(App.uuid == uuid, App.tenant_id == actor.tenant_id)
    if lock:
        query = query.with_for_update()
    app = session.scalar(query)
    if app is None:
        raise NotFound(MISSING)
    return app


def find_any(session: Session, uuid: str, *, lock: bool = False) -> App:
    """Anybody's app, for use cases of administrators; raises ``NotFound``."""
    query = select(App).where(App.uuid == uuid)
    app = session.scalar(query.with_for_update() if lock else query)
    if app is None:
        raise NotFound(MISSING)
    return app


def holder_of(session: Session, tenant_id: int, slug: str) -> tuple[str, str] | None:
    """The uuid and the state of the app that holds a name."""
    held = session.connection().execute(_HOLDER, {"tenant_id": tenant_id, "slug": slug}).first()
    return (held.uuid, held.state) if held else None


def add(session: Session, values: Mapping[str, Any]) -> int:
    """Insert an app in its first state, count it and begin its stream; returns its row key.

    Each is one plain statement: a unit of work would take several times as long, and every
    deploy waits for it under the database's write lock.
    """
    made = session.connection().execute(_INSERT, {**values, "event_seq": 1})
    app_id: int = made.scalar_one()
    _count(session, values["tenant_id"], values["state"], 1)
    events.begin(session, app_id, events.entry("status", "platform", values["state"]))
    return app_id


def added_view(values: Mapping[str, Any], operation: str) -> AppView:
    """The view of an app that was just added with these values, and of its first operation."""
    return AppView(
        id=values["uuid"],
        name=values["name"],
        guest_type=values["guest_type"],
        framework=values["framework"],
        repository=values["repository"],
        branch=values["branch"],
        resources=Resources(values["cores"], values["memory"], values["disk"]),
        state=AppState(values["state"]),
        created_at=values["created_at"],
        deployed_at=None,
        address=None,
        port=values["port"],
        vmid=None,
        access_url=None,
        error_message=None,
        sha=None,
        release=None,
        operation=operation,
        step=None,
        slug=values["slug"],
        subdomain=values["hostname"],
        cpu_cores=values.get("cpu_limit") or float(values["cores"]),
    )


def set_state(session: Session, app: App, state: AppState) -> None:
    """Move an app along the transition table; counters and its stream follow."""
    old = AppState(app.state)
    check_transition(old, state)
    if old is state:
        return
    app.state = state
    if state is AppState.DELETED:
        app.deleted_at = utcnow()
    if state is AppState.RUNNING:
        usage.begin(session, app)
    elif state in ENDS_SERVING:
        usage.end(session, app)
    session.flush()
    # Always in the same order: two apps that trade states must not wait for each other.
    for counted, change in sorted([(old, -1), (state, 1)]):
        _count(session, app.tenant_id, counted, change)
    events.append(session, app.id, [events.entry("status", "platform", state)])


def _count(session: Session, tenant_id: int, state: str, change: int) -> None:
    connection = session.connection()
    connection.execute(
        _COUNT[connection.dialect.name], {"tenant_id": tenant_id, "state": state, "n": change}
    )


def counts(session: Session, tenant_id: int | None = None) -> dict[AppState, int]:
    """How many apps there are in each state, of one tenant or of all."""
    query = select(AppCount)
    if tenant_id is not None:
        query = query.where(AppCount.tenant_id == tenant_id)
    totals: dict[AppState, int] = dict.fromkeys(AppState, 0)
    for row in session.scalars(query):
        totals[AppState(row.state)] += row.n
    return totals


def listed(
    session: Session,
    tenant_id: int | None,
    *,
    limit: int,
    before: int | None,
    search: str | None,
    state: str | None,
) -> list[App]:
    """A tenant's apps, or everyone's, that are not deleted, newest first, older than ``before``."""
    query = select(App).where(App.state != AppState.DELETED)
    if tenant_id is not None:
        query = query.where(App.tenant_id == tenant_id)
    if before is not None:
        query = query.where(App.id < before)
    if state:
        query = query.where(App.state == state)
    if search:
        query = query.where(App.slug.contains(search.lower(), autoescape=True))
    return list(session.scalars(query.order_by(App.id.desc()).limit(limit)))


@dataclass(frozen=True)
class _Around:
    """What a view needs besides the app's own row, looked up for a whole page at once."""

    guests: dict[int, list[Guest]]
    releases: dict[int, Release]
    operations: dict[int, Operation]
    steps: dict[int, list[Step]]
    plans: dict[int, Plan]


def views(session: Session, apps: Sequence[App], totals: Totals) -> list[AppView]:
    """The apps as views; ``totals`` says how many steps an operation has."""
    around = _look_around(session, apps)
    return [_view(app, around, totals) for app in apps]


def _look_around(session: Session, apps: Sequence[App]) -> _Around:
    release_ids = [a.live_release_id for a in apps if a.live_release_id]
    busy = [a.id for a in apps]
    guests: dict[int, list[Guest]] = {}
    for guest in session.scalars(
        select(Guest)
        .where(Guest.app_id.in_(busy), Guest.state != GuestState.GONE)
        .order_by(Guest.slot)
    ):
        guests.setdefault(guest.app_id, []).append(guest)
    releases = (
        session.scalars(select(Release).where(Release.id.in_(release_ids))) if release_ids else ()
    )
    operations = {
        o.app_id: o
        for o in session.scalars(
            select(Operation).where(
                Operation.app_id.in_(busy), Operation.state.in_(ACTIVE_OPERATION_STATES)
            )
        )
    }
    steps: dict[int, list[Step]] = {}
    if operations:
        keys = [o.id for o in operations.values()]
        for step in session.scalars(
            select(Step).where(Step.operation_id.in_(keys)).order_by(Step.position)
        ):
            steps.setdefault(step.operation_id, []).append(step)
    plan_ids = {a.plan_id for a in apps if a.plan_id}
    plans = session.scalars(select(Plan).where(Plan.id.in_(plan_ids))) if plan_ids else ()
    return _Around(
        guests,
        {r.id: r for r in releases},
        operations,
        steps,
        {p.id: p for p in plans},
    )


def _view(app: App, around: _Around, totals: Totals) -> AppView:
    guests = around.guests.get(app.id, [])
    guest = guests[0] if guests else None
    plan = around.plans.get(app.plan_id or 0)
    release = around.releases.get(app.live_release_id or 0)
    operation = around.operations.get(app.id)
    has_address = guest is not None and guest.address is not None
    serves = has_address and release is not None and app.state != AppState.DELETED
    return AppView(
        id=app.uuid,
        name=app.name,
        guest_type=app.guest_type,
        framework=app.framework,
        repository=app.repository,
        branch=app.branch,
        resources=Resources(app.cores, app.memory, app.disk),
        state=AppState(app.state),
        created_at=app.created_at,
        deployed_at=app.deployed_at,
        address=guest.address if guest else None,
        port=app.port,
        vmid=guest.vmid if guest else None,
        access_url=f"http://{guest.address}:{guest.port}" if guest and serves else None,
        error_message=app.error_message,
        sha=release.sha if release else None,
        release=release.number if release else None,
        operation=operation.kind if operation else None,
        step=_current_step(operation, around.steps, totals) if operation else None,
        node=guest.node if guest else None,
        slug=app.slug,
        subdomain=app.hostname,
        replicas=app.replicas,
        plan_id=plan.uuid if plan else None,
        plan_name=plan.name if plan else None,
        buildpack=app.buildpack,
        auto_deploy=app.auto_deploy,
        updated_at=app.updated_at,
        cpu_cores=app.cpu_limit or float(app.cores),
        built_as=str(release.plan.get("framework", "")) if release else "",
        guests=tuple(ReplicaView(g.slot, g.node, g.vmid, g.address, g.state) for g in guests),
    )


def _current_step(
    operation: Operation, steps: dict[int, list[Step]], totals: Totals
) -> StepView | None:
    own = steps.get(operation.id)
    return step_view(own[-1], totals(operation.kind, operation.options)) if own else None


def step_view(step: Step, total: int) -> StepView:
    """A step for people: a running one has its seconds so far."""
    running = step.state == "started"
    seconds = (utcnow() - step.started_at).total_seconds() if running else step.seconds
    return StepView(step.name, step.state, step.position, total, round(max(seconds, 0.0), 3))


def next_release_number(session: Session, app_id: int) -> int:
    """The number of the app's next release; numbers are never used twice."""
    return session.execute(
        update(App)
        .where(App.id == app_id)
        .values(release_seq=App.release_seq + 1)
        .returning(App.release_seq)
        .execution_options(synchronize_session=False)
    ).scalar_one()
