"""The settings that are kept in the database; secret ones are sealed."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from paas.domain.live import NAMES, SECRETS
from paas.store.base import utcnow
from paas.store.commerce import LiveSetting
from paas.store.crypt import Vault


def load(session: Session, vault: Vault) -> dict[str, Any]:
    """The settings that were ever changed. Names of other versions of the platform are left."""
    found: dict[str, Any] = {}
    for row in session.scalars(select(LiveSetting).where(LiveSetting.name.in_(NAMES))):
        found[row.name] = vault.open(row.sealed).decode() if row.sealed else row.value
    return found


def save(session: Session, vault: Vault, changes: Mapping[str, Any], by: str) -> None:
    """Keep changed settings; the caller holds the lock of ``lock``."""
    for name, value in changes.items():
        row = session.get(LiveSetting, name)
        if row is None:
            session.add(row := LiveSetting(name=name))
        is_secret = name in SECRETS and value != ""
        row.value = None if is_secret else value
        row.sealed = vault.seal(str(value).encode()) if is_secret else None
        row.updated_at, row.updated_by = utcnow(), by
    session.flush()
