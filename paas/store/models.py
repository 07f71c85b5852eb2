"""The tables. Every row has an integer key and, where an API shows it, a uuid."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, false, text, true
from sqlalchemy.orm import Mapped, mapped_column

from paas.store.base import Base, BigId, UtcDateTime, new_uuid, utcnow


class Sequence(Base):
    """A number that only grows: vmids and the like are never used twice."""

    __tablename__ = "sequences"
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[int] = mapped_column(BigId)


class Installation(Base):
    """One row: who we are in the markers of our guests."""

    __tablename__ = "installation"
    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), default=new_uuid)
    # The key with which the platform enters its guests: sealed, OpenSSH's own form.
    ssh_key: Mapped[bytes | None] = mapped_column(LargeBinary)


class Endpoint(Base):
    """A place with guests: this machine, a Proxmox cluster or a stand-alone host.

    ``identity`` is what the place says of itself at the first contact; another answer later
    means that the settings point somewhere else.
    """

    __tablename__ = "endpoints"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    url: Mapped[str] = mapped_column(String(255))
    identity: Mapped[str] = mapped_column(String(255))
    # How an endpoint that was added while running is reached: sealed JSON; else the settings say.
    access: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class Lock(Base):
    """What one operation at a time may use. It counts while its holder's lease does."""

    __tablename__ = "locks"
    name: Mapped[str] = mapped_column(String(160), primary_key=True)
    operation_id: Mapped[int] = mapped_column(BigId)
    epoch: Mapped[int]


class Tenant(Base):
    """The owner of everything. A closed one is kept for what was counted and noted of it."""

    __tablename__ = "tenants"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), default=new_uuid, unique=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class App(Base):
    """What a user runs; document 001 calls it a deployment."""

    __tablename__ = "apps"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), default=new_uuid, unique=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"))
    name: Mapped[str] = mapped_column(String(64))
    slug: Mapped[str] = mapped_column(String(64))
    hostname: Mapped[str] = mapped_column(String(63))
    guest_type: Mapped[str] = mapped_column(String(8))
    framework: Mapped[str] = mapped_column(String(64))
    repository: Mapped[str] = mapped_column(String(512))
    branch: Mapped[str | None] = mapped_column(String(255))
    cores: Mapped[int]
    memory: Mapped[int]
    disk: Mapped[int]
    port: Mapped[int]
    health_path: Mapped[str | None] = mapped_column(String(512))
    start_command: Mapped[str | None] = mapped_column(Text)
    environment: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(16))
    wanted: Mapped[str] = mapped_column(String(16), default="running")
    error_message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    deployed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    live_release_id: Mapped[int | None] = mapped_column(BigId)
    event_seq: Mapped[int] = mapped_column(BigId, default=0)
    release_seq: Mapped[int] = mapped_column(default=0)
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plans.id"))
    replicas: Mapped[int] = mapped_column(default=1, server_default="1")
    cpu_limit: Mapped[float | None]
    buildpack: Mapped[str | None] = mapped_column(String(128))
    # Of each variable: since when there is one, and whether the platform made it. No values.
    variables: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    auto_deploy: Mapped[bool] = mapped_column(default=False, server_default=false())
    webhook_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    # A push that came while the app was busy: its commit, and who pushed.
    waiting_push: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # How a private repository is read: sealed JSON, a deploy key or a token.
    credential: Mapped[bytes | None] = mapped_column(LargeBinary)
    updated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # An administrator's wish that waits for the end of what is under way.
    to_be_suspended: Mapped[bool] = mapped_column(default=False, server_default=false())
    # What a suspended app will be again.
    resumes_to: Mapped[str | None] = mapped_column(String(16))

    __table_args__ = (
        Index(
            "uq_apps_slug",
            "tenant_id",
            "slug",
            unique=True,
            sqlite_where=text("state != 'deleted'"),
            postgresql_where=text("state != 'deleted'"),
        ),
        Index(
            "ix_apps_listed",
            "tenant_id",
            "id",
            sqlite_where=text("state != 'deleted'"),
            postgresql_where=text("state != 'deleted'"),
        ),
        Index("ix_apps_state", "tenant_id", "state", "id"),
    )


class AppCount(Base):
    """How many apps of a tenant are in a state; kept by the transaction that moves the state."""

    __tablename__ = "app_counts"
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), primary_key=True)
    n: Mapped[int] = mapped_column(BigId)


class Release(Base):
    """Code, configuration and environment of one moment; never changed once made."""

    __tablename__ = "releases"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), default=new_uuid, unique=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"))
    number: Mapped[int]
    sha: Mapped[str] = mapped_column(String(64))
    archive: Mapped[str] = mapped_column(String(512))
    # Since when the archive also lies in the object store.
    stored_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    plan: Mapped[dict[str, Any]] = mapped_column(JSON)
    environment: Mapped[bytes] = mapped_column(LargeBinary)
    # The app's own configuration and variables when the release was made, for a rollback.
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    variables: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    __table_args__ = (Index("uq_releases_number", "app_id", "number", unique=True),)


class Deployment(Base):
    """One attempt to bring a release live."""

    __tablename__ = "deployments"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), default=new_uuid, unique=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"))
    release_id: Mapped[int | None] = mapped_column(ForeignKey("releases.id"))
    ref: Mapped[str | None] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(16), default="pending")
    error_message: Mapped[str | None] = mapped_column(Text)
    triggered_by: Mapped[str] = mapped_column(String(255), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    build_started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    build_completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_deployments_app", "app_id", "id"),)


class Guest(Base):
    """One VM, container or sandbox. The row commits before anything is made."""

    __tablename__ = "guests"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), default=new_uuid, unique=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"))
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"))
    # Which of the app's replicas it is, from 1.
    slot: Mapped[int] = mapped_column(default=1, server_default="1")
    target: Mapped[str] = mapped_column(String(32))
    endpoint: Mapped[str] = mapped_column(String(64))
    node: Mapped[str] = mapped_column(String(64))
    vmid: Mapped[int]
    # Empty until the network has given the guest one; it may give it to another later.
    address: Mapped[str | None] = mapped_column(String(64))
    is_fixed: Mapped[bool] = mapped_column(default=True, server_default=true())
    port: Mapped[int]
    cores: Mapped[int]
    memory: Mapped[int]
    disk: Mapped[int]
    cpu_limit: Mapped[float | None]
    guest_type: Mapped[str] = mapped_column(String(8))
    hostname: Mapped[str] = mapped_column(String(63))
    frozen: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    host_key: Mapped[str | None] = mapped_column(Text)
    incarnation: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(String(16))
    preflight_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    applied_values: Mapped[str | None] = mapped_column(String(64))
    # The release that serves there since the last operation that ended well.
    release_id: Mapped[int | None] = mapped_column(BigId)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    gone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("uq_guests_vmid", "endpoint", "vmid", unique=True),
        # An address is free again only when its guest is proved gone.
        Index(
            "uq_guests_address",
            "endpoint",
            "address",
            unique=True,
            sqlite_where=text("state != 'gone' AND is_fixed"),
            postgresql_where=text("state != 'gone' AND is_fixed"),
        ),
        Index("ix_guests_app", "app_id"),
        Index(
            "uq_guests_slot",
            "app_id",
            "slot",
            unique=True,
            sqlite_where=text("state != 'gone'"),
            postgresql_where=text("state != 'gone'"),
        ),
    )


ACTIVE = text("state IN ('queued', 'running', 'unwinding')")


class Operation(Base):
    """The durable record of long work, held by one worker at a time under a lease.

    ``lease_until`` and ``not_before`` are seconds by the database's clock. ``holder`` names
    the machine, boot and process that hold the lease. ``cancel`` is the reason to end early.
    """

    __tablename__ = "operations"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), default=new_uuid, unique=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"))
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"))
    deployment_id: Mapped[int | None] = mapped_column(ForeignKey("deployments.id"))
    kind: Mapped[str] = mapped_column(String(16))
    # What this kind of work needs to know, such as how many replicas are wanted.
    options: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    state: Mapped[str] = mapped_column(String(16), default="queued")
    epoch: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[float | None]
    not_before: Mapped[float | None]
    holder: Mapped[str | None] = mapped_column(String(255))
    cancel: Mapped[str | None] = mapped_column(String(64))
    prior_state: Mapped[str] = mapped_column(String(16))
    error_message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index(
            "uq_operations_active",
            "app_id",
            unique=True,
            sqlite_where=ACTIVE,
            postgresql_where=ACTIVE,
        ),
        Index("ix_operations_state", "state", sqlite_where=ACTIVE, postgresql_where=ACTIVE),
        Index("ix_operations_app", "app_id", "id"),
    )


class Step(Base):
    """A named part of an operation and what it recorded; ``seconds`` of wall time."""

    __tablename__ = "steps"
    operation_id: Mapped[int] = mapped_column(ForeignKey("operations.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    position: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=0)
    record: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    seconds: Mapped[float] = mapped_column(default=0.0)
    child_seconds: Mapped[float] = mapped_column(default=0.0)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class Event(Base):
    """One entry of an app's stream; ``seq`` is given under the app's row lock, so that
    entries become visible in the order of their numbers."""

    __tablename__ = "events"
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    operation_id: Mapped[int | None] = mapped_column(BigId)
    epoch: Mapped[int | None]
    kind: Mapped[str] = mapped_column(String(8))
    stream: Mapped[str] = mapped_column(String(32))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_events_at", "at"),)


class StateVersion(Base):
    """One version of a guest's Terraform state, encrypted; written under an epoch."""

    __tablename__ = "state_versions"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    guest_id: Mapped[int] = mapped_column(ForeignKey("guests.id"))
    epoch: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    __table_args__ = (Index("ix_state_versions_guest", "guest_id", "id"),)


class IdempotencyKey(Base):
    """A key that a client sent with a deploy, and what it began; kept for 24 hours."""

    __tablename__ = "idempotency_keys"
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    body_hash: Mapped[str] = mapped_column(String(64))
    operation_id: Mapped[int] = mapped_column(ForeignKey("operations.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
