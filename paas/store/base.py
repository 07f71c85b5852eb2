"""Column types and the database's clock, the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import BigInteger, DateTime, Dialect, Float, Integer, MetaData
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

# SQLite gives row ids only to columns declared as INTEGER.
BigId = BigInteger().with_variant(Integer(), "sqlite")


def new_uuid() -> str:
    """The public id of a new row."""
    return str(uuid4())


class Base(DeclarativeBase):
    """All tables; constraints have names so that migrations can alter them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC: SQLite drops the zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without a zone, which would mean another moment on each machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give the time its zone back."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class clock(FunctionElement[float]):  # noqa: N801 - It reads as a function in SQL.
    """Seconds since 1970 by the database's own clock, which alone decides about leases."""

    type = Float()
    inherit_cache = True


@compiles(clock, "sqlite")
def _clock_on_sqlite(element: clock, compiler: SQLCompiler, **kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(clock, "postgresql")
def _clock_on_postgresql(element: clock, compiler: SQLCompiler, **kw: Any) -> str:
    # clock_timestamp() moves within a transaction, now() does not.
    return "extract(epoch from clock_timestamp())"


def utcnow() -> datetime:
    """The present moment, for times that people read."""
    return datetime.now(UTC)
