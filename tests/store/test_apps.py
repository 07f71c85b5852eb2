"""Counters follow the state, names are held until the app is deleted, lists go by pages."""

import pytest
from sqlalchemy.exc import IntegrityError

from paas.domain.errors import InvalidTransition, NotFound
from paas.domain.specs import Actor
from paas.domain.states import AppState
from paas.store import apps, events
from paas.store.models import App
from paas.store.unit_of_work import Store
from tests.factories import ACTOR, app_row


def test_counters_follow_every_move(store: Store) -> None:
    with store.write() as session:
        app = app_row(session)
        for state in (AppState.PROVISIONING, AppState.DEPLOYING, AppState.RUNNING):
            apps.set_state(session, app, state)
        app_row(session)
    with store.read() as session:
        counts = apps.counts(session, ACTOR.tenant_id)
    assert counts[AppState.RUNNING] == 1
    assert counts[AppState.PENDING] == 1
    assert sum(counts.values()) == 2


def test_a_move_that_the_table_lacks_is_refused(store: Store) -> None:
    with pytest.raises(InvalidTransition), store.write() as session:
        apps.set_state(session, app_row(session), AppState.STOPPED)


def test_a_name_is_held_until_its_app_is_deleted(store: Store) -> None:
    with store.write() as session:
        app = app_row(session, slug="shop")
        uuid = app.uuid
    with pytest.raises(IntegrityError), store.write() as session:
        app_row(session, slug="shop")
    with store.write() as session:
        apps.set_state(session, apps.find(session, ACTOR, uuid), AppState.DELETED)
        app_row(session, slug="shop")


def test_another_tenants_app_is_not_found(store: Store) -> None:
    with store.write() as session:
        uuid = app_row(session).uuid
    with pytest.raises(NotFound), store.read() as session:
        apps.find(session, Actor(tenant_id=2), uuid)


def test_pages_go_from_new_to_old_without_the_deleted(store: Store) -> None:
    with store.write() as session:
        rows = [app_row(session) for _ in range(5)]
        apps.set_state(session, rows[2], AppState.DELETED)
        names = [r.name for r in rows]
    with store.read() as session:
        first = apps.listed(session, ACTOR.tenant_id, limit=2, before=None, search=None, state=None)
        rest = apps.listed(
            session, ACTOR.tenant_id, limit=9, before=first[-1].id, search=None, state=None
        )
    assert [a.name for a in first] == [names[4], names[3]]
    assert [a.name for a in rest] == [names[1], names[0]]


def test_a_search_takes_wildcards_literally(store: Store) -> None:
    with store.write() as session:
        app_row(session, slug="a_b", name="A_b")
        app_row(session, slug="axb")
    with store.read() as session:
        found = apps.listed(
            session, ACTOR.tenant_id, limit=9, before=None, search="A_B", state=None
        )
    assert [a.slug for a in found] == ["a_b"]


def test_the_stream_of_an_app_has_numbers_without_gaps(store: Store) -> None:
    with store.write() as session:
        app = app_row(session)
        app_id = app.id
    for batch in (["one", "two"], ["three"]):
        with store.write() as session:
            events.append(session, app_id, [events.entry("log", "git", line) for line in batch])
    with store.read() as session:
        found = events.after(session, app_id, 0, 10)
        assert session.get_one(App, app_id).event_seq == 4
    assert [e.seq for e in found] == [1, 2, 3, 4]
    assert [e.text for e in found[1:]] == ["one", "two", "three"]
