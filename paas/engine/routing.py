"""Which guest serves under which name: the table of the edge, a pure function of the database."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from paas.domain.routes import Route, Table, Upstream
from paas.domain.states import AppState, GuestState
from paas.store.models import App, Guest, Release

SERVES = (AppState.RUNNING, AppState.DEPLOYING)


def table(session: Session, domain: str) -> Table:
    """Every app that serves, at its name within ``domain``; others have no route.

    A guest is on it while it has the app's live release and its replica is wanted: a new one
    after it was seen to answer, one that will go from the moment that this was decided.
    """
    rows = session.execute(
        select(App.hostname, Guest.address, Guest.port, Release.plan)
        .join(Guest, Guest.app_id == App.id)
        .join(Release, Release.id == App.live_release_id)
        .where(
            Guest.state == GuestState.PRESENT,
            Guest.address.is_not(None),
            Guest.release_id == App.live_release_id,
            Guest.slot <= App.replicas,
            App.state.in_(SERVES),
        )
        .order_by(App.hostname, Guest.slot)
    )
    found: dict[tuple[str, str], list[Upstream]] = {}
    for name, address, port, plan in rows:
        key = (f"{name}.{domain}".lower(), plan.get("health_path") or "/")
        found.setdefault(key, []).append(Upstream(address, port))
    return Table.of(_route(host, ones, path) for (host, path), ones in found.items())


def _route(host: str, upstreams: Sequence[Upstream], health_path: str) -> Route:
    return Route((host,), tuple(upstreams), health_path)
