"""The audit log: who reads how much of it, and how it is taken along."""

import csv
import io
import json
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from paas.domain.errors import Forbidden, Invalid
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services import audit
from paas.services.audit import Filters
from paas.store.audit import record
from paas.store.people import AuditEntry
from tests.services.people import actor, add_tenant, add_user, admin, owner

AT = datetime(2026, 5, 1, tzinfo=UTC)


def note(platform: Platform, count: int, **about: object) -> None:
    values = {
        "actor": "ada@example.com",
        "source": "192.0.2.1",
        "action": "app.scale",
        "kind": "app",
        "object": "an-id",
        "details": {},
        "tenant_id": 1,
        **about,
    }
    with platform.store.write() as session:
        rows = [{"at": AT + timedelta(minutes=number), **values} for number in range(count)]
        session.execute(insert(AuditEntry), rows)


def test_an_administrator_reads_all_and_an_owner_the_tenant_s(platform: Platform) -> None:
    there = add_tenant(platform, "acme")
    note(platform, 2)
    note(platform, 3, tenant_id=there)
    note(platform, 1, tenant_id=None)
    scale = Filters(action="app.scale")
    everything = audit.page(platform, admin(platform), scale)
    assert [one.tenant for one in everything.entries] == [None, *["acme"] * 3, *["default"] * 2]
    theirs = audit.tenant_page(platform, owner(platform, tenant_id=there), scale)
    assert [one.tenant for one in theirs.entries] == ["acme"] * 3
    lines = "".join(audit.tenant_export(platform, owner(platform), "jsonl", scale)).splitlines()
    assert {json.loads(line)["tenant"] for line in lines} == {"default"}


def test_members_read_none_and_owners_not_all(platform: Platform) -> None:
    member, boss = actor(platform, add_user(platform)), owner(platform)
    for read in (
        lambda: audit.tenant_page(platform, member),
        lambda: audit.tenant_export(platform, member, "csv"),
        lambda: audit.page(platform, boss),
        lambda: audit.export(platform, boss, "csv"),
    ):
        with pytest.raises(Forbidden):
            read()


def test_entries_are_found_by_who_what_and_when(platform: Platform) -> None:
    chief = admin(platform)
    note(platform, 3)
    note(platform, 1, actor="50%@example.com", action="application.move")
    note(platform, 1, action="app.create")

    def found(**wanted: object) -> list[str]:
        page = audit.page(platform, chief, Filters(**wanted))  # type: ignore[arg-type]
        return [one.action for one in page.entries if one.at.year == AT.year and one.at.month == 5]

    assert found(action="app.scale") == ["app.scale"] * 3
    assert found(action="app.") == ["app.create", *["app.scale"] * 3]
    assert found(action="app") == []
    assert found(actor="50%") == ["application.move"]
    assert found(actor="ADA@", action="app.create") == ["app.create"]
    since = AT + timedelta(minutes=1)
    assert found(since=since, until=AT + timedelta(minutes=2)) == ["app.scale"]
    assert len(found(until=since)) == 3


def test_pages_follow_each_other_without_gap_or_repeat(platform: Platform) -> None:
    chief = admin(platform)
    note(platform, 7)
    seen: list[int] = []
    cursor: str | None = None
    while True:
        page = audit.page(platform, chief, limit=3, cursor=cursor)
        seen += [one.id for one in page.entries]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 8  # And the administrator's own sign-in.
    with pytest.raises(Invalid):
        audit.page(platform, chief, cursor="x")


def test_an_export_is_what_was_noted(platform: Platform) -> None:
    chief = admin(platform)
    with platform.store.write() as session:
        ada = Actor(1, "ada@example.com", user_id=7, source="192.0.2.1")
        record(session, ada, "app.rename", "app", "an-id", old='a "b",c', new="ünï\nx")
    wanted = Filters(action="app.rename")
    (line,) = "".join(audit.export(platform, chief, "jsonl", wanted)).splitlines()
    told = json.loads(line)
    assert told["details"] == {"old": 'a "b",c', "new": "ünï\nx"}
    assert (told["actor"], told["source"], told["object"]) == (ada.name, ada.source, "an-id")
    text = "".join(audit.export(platform, chief, "csv", wanted))
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert tuple(row) == audit.COLUMNS
    assert json.loads(row["details"]) == told["details"]
    assert row["at"] == told["at"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_no_cell_is_a_formula(platform: Platform, start: str) -> None:
    note(platform, 1, object=f"{start}HYPERLINK(1)", actor=f"{start}x@example.com")
    text = "".join(audit.export(platform, admin(platform), "csv", Filters(action="app.scale")))
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["object"] == f"'{start}HYPERLINK(1)"
    assert row["actor"] == f"'{start}x@example.com"


def test_a_large_log_is_exported_in_parts(platform: Platform) -> None:
    chief = admin(platform)
    note(platform, 5000, details={"text": "x" * 2000})
    export = audit.export(platform, chief, "jsonl", Filters(action="app.scale"))
    tracemalloc.start()
    lines = sum(part.count("\n") for part in export)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lines == 5000
    # All at once would be over 10 MB as text alone, and several times that as rows.
    assert peak < 25_000_000


def test_an_export_without_entries_has_its_heads(platform: Platform) -> None:
    chief, none = admin(platform), Filters(action="no.such")
    assert "".join(audit.export(platform, chief, "jsonl", none)) == ""
    assert "".join(audit.export(platform, chief, "csv", none)).strip() == ",".join(audit.COLUMNS)
