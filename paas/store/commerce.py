"""The tables of plans, of what was used, of live settings, and of the nodes of clusters."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, Numeric, String, text, true
from sqlalchemy.orm import Mapped, mapped_column

from paas.store.base import Base, BigId, UtcDateTime, new_uuid, utcnow


class Plan(Base):
    """What an app may have and what it costs. ``cpu_cores`` may be a fraction.

    ``placement`` may say ``nodes`` (a list), ``storage``, ``bridge`` and ``vlan`` for guests of
    this plan. A plan that apps have is never removed, only made inactive.
    """

    __tablename__ = "plans"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), default=new_uuid, unique=True)
    name: Mapped[str] = mapped_column(String(64))
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    cpu_cores: Mapped[float]
    ram_mb: Mapped[int]
    disk_gb: Mapped[int]
    max_replicas: Mapped[int]
    price_per_hour: Mapped[Decimal] = mapped_column(Numeric(12, 6))
    price_per_month: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))
    features: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    placement: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class Run(Base):
    """A stretch of time in which an app served with the same size; hours are counted from these.

    Begun and ended in the transactions that move the app's state or size, so that usage can be
    counted at any later time, any number of times, with the same result.
    """

    __tablename__ = "runs"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"))
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"))
    plan_id: Mapped[int | None] = mapped_column(BigId)
    replicas: Mapped[int]
    cpu: Mapped[float]
    ram_mb: Mapped[int]
    disk_gb: Mapped[int]
    price_per_hour: Mapped[Decimal] = mapped_column(Numeric(12, 6))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_runs_started", "started_at"),
        Index("ix_runs_ended", "ended_at"),
        Index(
            "uq_runs_open",
            "app_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )


class UsageHour(Base):
    """What an app used in one full hour; written once. Figures are means over the hour."""

    __tablename__ = "usage_hours"
    hour: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"))
    plan_id: Mapped[int | None] = mapped_column(BigId)
    seconds: Mapped[float]
    replicas: Mapped[float]
    cpu: Mapped[float]
    ram_mb: Mapped[float]
    disk_gb: Mapped[float]
    cost: Mapped[Decimal] = mapped_column(Numeric(16, 8))

    __table_args__ = (Index("ix_usage_hours_tenant", "tenant_id", "hour"),)


class CountedHour(Base):
    """An hour whose usage is complete: the mark that it was counted, also when nothing ran."""

    __tablename__ = "counted_hours"
    hour: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    counted_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class LiveSetting(Base):
    """A setting that an administrator changes while the platform runs; secret ones are sealed."""

    __tablename__ = "live_settings"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    updated_by: Mapped[str] = mapped_column(String(254), default="")


class Node(Base):
    """A machine of an endpoint on which guests may be; document 000 calls it a worker.

    ``state`` is ``active``, ``draining`` (nothing new comes here) or ``removed``.
    """

    __tablename__ = "nodes"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), default=new_uuid, unique=True)
    endpoint: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(255), default="")
    state: Mapped[str] = mapped_column(String(16), default="active")
    # The last figures that the cluster gave of it, and when.
    figures: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    __table_args__ = (Index("uq_nodes_name", "endpoint", "name", unique=True),)
