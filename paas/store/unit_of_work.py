"""Short transactions: ``read`` for looking, ``write`` for changing; never across a wait."""

import os
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.orm import Session

from paas.store.crypt import Vault


class Store:
    """The database of an instance, and the vault for its secrets."""

    def __init__(self, url: str | URL, vault: Vault) -> None:
        self.vault = vault
        self.engine = create_engine(url, pool_size=8, max_overflow=64, **_options(make_url(url)))
        self._writing = self.engine.execution_options(paas_write=True)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        # A forked worker must not speak over its parent's connections.
        forget = weakref.WeakMethod(self._forget_connections)
        os.register_at_fork(after_in_child=lambda: (call := forget()) and call())

    def _forget_connections(self) -> None:
        self.engine.dispose(close=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for looking; nothing that it changes is kept."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are committed together, or not at all on an exception."""
        with Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": 30, "check_same_thread": False}}
    return {"pool_pre_ping": True}


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transaction handling is switched off; _begin_sqlite opens them.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "cache_size=-8000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A read that turns into a write fails at once in SQLite whatever the timeout is,
    # so a writer takes the write lock when it begins.
    writing = connection.get_execution_options().get("paas_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
