"""Releases: made once from a source, kept with their archive."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from paas.domain.specs import BuildPlan
from paas.domain.states import AppState
from paas.store.models import App, Release


def plan_to_json(plan: BuildPlan) -> dict[str, Any]:
    """A plan as JSON has it."""
    return dataclasses.asdict(plan)


def plan_from_json(data: Mapping[str, Any]) -> BuildPlan:
    """The plan that ``plan_to_json`` wrote."""
    values = dict(data)
    for name in ("kept", "build", "release", "reasons"):
        values[name] = tuple(values[name])
    values["install"] = tuple(tuple(argv) for argv in values["install"])
    return BuildPlan(**values)


def kept_and_superseded(
    session: Session, app_id: int, live_id: int, keep: int
) -> tuple[list[Release], list[Release]]:
    """The live release and the newest ``keep``; and those whose archive is no longer needed."""
    rows = session.scalars(
        select(Release)
        .where(Release.app_id == app_id, Release.archive != "")
        .order_by(Release.number.desc())
    ).all()
    kept = [r for i, r in enumerate(rows) if i < keep or r.id == live_id]
    return kept, [r for r in rows if r not in kept]


def not_stored(session: Session, most: int = 1000) -> list[tuple[str, str, int, str]]:
    """Archives that are not in the object store, the newest first: the app's uuid, the release's
    uuid and row key, and the file's name."""
    rows = session.execute(
        select(App.uuid, Release.uuid, Release.id, Release.archive)
        .join(App, App.id == Release.app_id)
        .where(Release.stored_at.is_(None), Release.archive != "", App.state != AppState.DELETED)
        .order_by(Release.id.desc())
        .limit(most)
    ).all()
    return [(app, release, key, name) for app, release, key, name in rows]


def stored_of_deleted(session: Session) -> list[tuple[int, str]]:
    """The row keys and uuids of deleted apps that have archives in the object store."""
    rows = session.execute(
        select(App.id, App.uuid)
        .join(Release, Release.app_id == App.id)
        .where(Release.stored_at.is_not(None), App.state == AppState.DELETED)
        .distinct()
    ).all()
    return [(key, uuid) for key, uuid in rows]


def forget_stored(session: Session, app_id: int | None = None) -> None:
    """Take the archives of an app as not stored; without one those of all that lie here too."""
    query = update(Release).values(stored_at=None)
    mine = Release.app_id == app_id if app_id is not None else Release.archive != ""
    session.execute(query.where(mine), execution_options={"synchronize_session": False})
