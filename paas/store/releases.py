"""Releases: made once from a source, kept with their archive."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from paas.domain.specs import BuildPlan
from paas.store.models import Release


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
