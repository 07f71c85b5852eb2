"""The settings that administrators see and change while the platform runs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from paas.domain.errors import Conflict, Invalid, StepFailed, Unreachable
from paas.domain.live import NAMES, OF_STORAGE, RULES, SECRETS, SET, UNSET, LiveSettings
from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.engine.archives import bucket_of
from paas.engine.platform import Platform
from paas.services.allowed import needs
from paas.store import audit, live_settings, plans, releases
from paas.store.models import Installation
from paas.tools.object_store import ObjectStore

# Objects under another of these are other objects.
PLACE = frozenset({"s3_endpoint", "s3_bucket", "s3_prefix"})


@needs(Permission.ADMIN_READ)
def shown(platform: Platform, _actor: Actor) -> dict[str, Any]:
    """All settings by name; of a secret only whether it is set."""
    return _shown(platform.live.fresh())


@needs(Permission.ADMIN_WRITE)
def change(platform: Platform, actor: Actor, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change the named settings and answer with all; other processes follow within seconds.

    Raises ``Invalid`` with every broken rule, and when the object store that they lead to
    cannot be written to; ``Conflict`` when somebody else changed it meanwhile.
    """
    before = platform.live.fresh()
    wanted = _without_echoes(changes, before)
    errors = _broken(wanted)
    if errors:
        raise Invalid(errors)
    after = replace(before, **wanted)
    errors = _storage_refusals(after) if wanted.keys() & OF_STORAGE else []
    with platform.store.write() as session:
        errors += _plan_refusals(session, wanted)
        if errors:
            raise Invalid(errors)
        _save(platform, session, actor, before, wanted)
    return _shown(platform.live.fresh())


def _shown(live: LiveSettings) -> dict[str, Any]:
    values = {name: getattr(live, name) for name in NAMES}
    return values | {name: SET if values[name] else UNSET for name in SECRETS}


def _without_echoes(changes: Mapping[str, Any], before: LiveSettings) -> dict[str, Any]:
    """The changes without secrets that come back as they were shown; null empties a text."""
    wanted: dict[str, Any] = {}
    for name, value in changes.items():
        if name in SECRETS and value == (SET if getattr(before, name) else UNSET):
            continue
        emptied = name in SECRETS and value in (None, UNSET)
        wanted[name] = "" if emptied else value
    return wanted


def _broken(wanted: Mapping[str, Any]) -> list[str]:
    unknown = [f"Unknown setting {name[:60]!a}" for name in wanted if name not in RULES]
    known = [name for name in NAMES if name in wanted]
    return unknown + [RULES[name].sentence for name in known if not RULES[name].holds(wanted[name])]


def _storage_refusals(after: LiveSettings) -> list[str]:
    """Why the object store cannot be used; it is tried, so that nobody finds out at a deploy."""
    if not after.uses_s3:
        return []
    bucket = bucket_of(after)
    if bucket is None:
        needed = ("s3_bucket", "s3_access_key", "s3_secret_key")
        missing = ", ".join(name for name in needed if not getattr(after, name))
        return [f"Invalid storage_type. 's3' also needs {missing}"]
    try:
        ObjectStore(bucket).probe()
    except (StepFailed, Unreachable) as error:
        return [error.message]
    return []


def _plan_refusals(session: Session, wanted: Mapping[str, Any]) -> list[str]:
    slug = wanted.get("default_plan")
    if not slug:
        return []
    plan = plans.by_slug(session, slug)
    return [] if plan is not None and plan.is_active else [RULES["default_plan"].sentence]


def _save(
    platform: Platform,
    session: Session,
    actor: Actor,
    before: LiveSettings,
    wanted: Mapping[str, Any],
) -> None:
    # One at a time: what was tried above must be what holds afterwards.
    session.execute(select(Installation.id).with_for_update())
    stored = live_settings.load(session, platform.store.vault)
    if any(stored.get(name, getattr(before, name)) != getattr(before, name) for name in OF_STORAGE):
        raise Conflict("Somebody else has changed the storage meanwhile. Look and try again")
    live_settings.save(session, platform.store.vault, wanted, actor.name)
    if any(wanted.get(name, getattr(before, name)) != getattr(before, name) for name in PLACE):
        releases.forget_stored(session)
    if wanted:
        audit.record(
            session, actor, "settings.update", "settings", "platform", changed=sorted(wanted)
        )
