"""The table of the edge follows from the rows alone; on both databases."""

import json
from itertools import count

import pytest
from sqlalchemy.orm import Session

from paas.domain.routes import Route, Table, Upstream
from paas.engine import routing
from paas.store.models import App, Guest, Release
from paas.store.unit_of_work import Store
from tests.factories import app_row

_numbers = count(1)


def _release(session: Session, app: App, health_path: str = "/") -> Release:
    made = Release(
        app_id=app.id,
        number=next(_numbers),
        sha="0" * 40,
        archive="a",
        plan={"health_path": health_path},
        environment=b"",
    )
    session.add(made)
    session.flush()
    return made


def _guest(session: Session, app: App, slot: int, **changes: object) -> Guest:
    number = next(_numbers)
    values: dict[str, object] = {
        "tenant_id": app.tenant_id,
        "app_id": app.id,
        "slot": slot,
        "target": "local",
        "endpoint": "local",
        "node": "here",
        "vmid": 100_000 + number,
        "address": f"127.77.0.{slot}",
        "port": 8000,
        "cores": 1,
        "memory": 256,
        "disk": 5,
        "guest_type": "lxc",
        "hostname": app.hostname,
        "state": "present",
        "release_id": app.live_release_id,
    }
    made = Guest(**{**values, **changes})
    session.add(made)
    session.flush()
    return made


def serving(session: Session, replicas: int = 3, health_path: str = "/") -> App:
    app = app_row(session, hostname="shop-1", state="running", replicas=replicas)
    app.live_release_id = _release(session, app, health_path).id
    for slot in range(1, replicas + 1):
        _guest(session, app, slot)
    return app


def _upstreams(*slots: int) -> tuple[Upstream, ...]:
    return tuple(Upstream(f"127.77.0.{slot}", 8000) for slot in slots)


def test_every_replica_of_an_app_that_runs_is_on_the_table(store: Store) -> None:
    with store.write() as session:
        serving(session, health_path="/up")
        found = routing.table(session, "apps.example.com")
    assert found.routes == (Route(("shop-1.apps.example.com",), _upstreams(1, 2, 3), "/up"),)


@pytest.mark.parametrize(
    ("state", "serves"),
    [
        ("running", True),
        ("deploying", True),
        ("pending", False),
        ("stopped", False),
        ("suspended", False),
        ("failed", False),
        ("deleted", False),
    ],
)
def test_only_an_app_that_serves_has_a_route(store: Store, state: str, serves: bool) -> None:
    with store.write() as session:
        serving(session).state = state
        session.flush()
        assert bool(routing.table(session, "localhost").routes) is serves


def test_a_guest_that_is_not_ready_or_not_wanted_is_left_out(store: Store) -> None:
    with store.write() as session:
        app = serving(session)
        _guest(session, app, 4, release_id=None)
        _guest(session, app, 5, state="reserved")
        _guest(session, app, 6, state="gone")
        _guest(session, app, 7, address=None)
        app.replicas = 7
        session.flush()
        assert routing.table(session, "localhost").upstreams() == set(_upstreams(1, 2, 3))
        app.replicas = 1
        session.flush()
        assert routing.table(session, "localhost").upstreams() == set(_upstreams(1))


def test_while_a_release_rolls_the_table_stays_as_it_is(store: Store) -> None:
    with store.write() as session:
        app = serving(session)
        before = routing.table(session, "localhost")
        _release(session, app)
        app.state = "deploying"
        session.flush()
        assert routing.table(session, "localhost") == before


def test_a_table_comes_back_from_its_text() -> None:
    routes = [Route(("b.x",), (Upstream("::1", 81),), "/up"), Route(("a.x", "c.x"), _upstreams(1))]
    table = Table.of(routes)
    assert Table.from_json(table.to_json()) == table
    assert table == Table.of(reversed(routes))
    assert table.digest == Table.of(reversed(routes)).digest != Table().digest


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"hosts": []}]', json.dumps([[]])])
def test_another_text_is_no_table(text: str) -> None:
    with pytest.raises(ValueError):
        Table.from_json(text)
