"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# SQLite gives row ids only to columns declared as INTEGER.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "sequences",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("value", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sequences")),
    )
    op.create_table(
        "tenants",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
        sa.UniqueConstraint("slug", name=op.f("uq_tenants_slug")),
        sa.UniqueConstraint("uuid", name=op.f("uq_tenants_uuid")),
    )
    op.create_table(
        "app_counts",
        sa.Column("tenant_id", BIG, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("n", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_app_counts_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "state", name=op.f("pk_app_counts")),
    )
    op.create_table(
        "apps",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("hostname", sa.String(length=63), nullable=False),
        sa.Column("guest_type", sa.String(length=8), nullable=False),
        sa.Column("framework", sa.String(length=64), nullable=False),
        sa.Column("repository", sa.String(length=512), nullable=False),
        sa.Column("branch", sa.String(length=255), nullable=True),
        sa.Column("cores", sa.Integer(), nullable=False),
        sa.Column("memory", sa.Integer(), nullable=False),
        sa.Column("disk", sa.Integer(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("health_path", sa.String(length=512), nullable=True),
        sa.Column("start_command", sa.Text(), nullable=True),
        sa.Column("environment", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("wanted", sa.String(length=16), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deployed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("guest_id", BIG, nullable=True),
        sa.Column("live_release_id", BIG, nullable=True),
        sa.Column("event_seq", BIG, nullable=False),
        sa.Column("release_seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_apps_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_apps")),
        sa.UniqueConstraint("uuid", name=op.f("uq_apps_uuid")),
    )
    with op.batch_alter_table("apps", schema=None) as batch_op:
        batch_op.create_index(
            "ix_apps_listed",
            ["tenant_id", "id"],
            unique=False,
            sqlite_where=sa.text("state != 'deleted'"),
            postgresql_where=sa.text("state != 'deleted'"),
        )
        batch_op.create_index("ix_apps_state", ["tenant_id", "state", "id"], unique=False)
        batch_op.create_index(
            "uq_apps_slug",
            ["tenant_id", "slug"],
            unique=True,
            sqlite_where=sa.text("state != 'deleted'"),
            postgresql_where=sa.text("state != 'deleted'"),
        )

    op.create_table(
        "events",
        sa.Column("app_id", BIG, nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("operation_id", BIG, nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("stream", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_events_app_id_apps")),
        sa.PrimaryKeyConstraint("app_id", "seq", name=op.f("pk_events")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index("ix_events_at", ["at"], unique=False)

    op.create_table(
        "guests",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", BIG, nullable=False),
        sa.Column("app_id", BIG, nullable=False),
        sa.Column("target", sa.String(length=32), nullable=False),
        sa.Column("endpoint", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=64), nullable=False),
        sa.Column("vmid", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("cores", sa.Integer(), nullable=False),
        sa.Column("memory", sa.Integer(), nullable=False),
        sa.Column("disk", sa.Integer(), nullable=False),
        sa.Column("guest_type", sa.String(length=8), nullable=False),
        sa.Column("hostname", sa.String(length=63), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("preflight_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_values", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_guests_app_id_apps")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_guests_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guests")),
        sa.UniqueConstraint("uuid", name=op.f("uq_guests_uuid")),
    )
    with op.batch_alter_table("guests", schema=None) as batch_op:
        batch_op.create_index("ix_guests_app", ["app_id"], unique=False)
        batch_op.create_index(
            "uq_guests_address",
            ["endpoint", "address"],
            unique=True,
            sqlite_where=sa.text("state != 'gone'"),
            postgresql_where=sa.text("state != 'gone'"),
        )
        batch_op.create_index("uq_guests_vmid", ["endpoint", "vmid"], unique=True)

    op.create_table(
        "releases",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("app_id", BIG, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("archive", sa.String(length=512), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("environment", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_releases_app_id_apps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
        sa.UniqueConstraint("uuid", name=op.f("uq_releases_uuid")),
    )
    with op.batch_alter_table("releases", schema=None) as batch_op:
        batch_op.create_index("uq_releases_number", ["app_id", "number"], unique=True)

    op.create_table(
        "deployments",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("app_id", BIG, nullable=False),
        sa.Column("release_id", BIG, nullable=True),
        sa.Column("ref", sa.String(length=255), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_deployments_app_id_apps")),
        sa.ForeignKeyConstraint(
            ["release_id"], ["releases.id"], name=op.f("fk_deployments_release_id_releases")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployments")),
        sa.UniqueConstraint("uuid", name=op.f("uq_deployments_uuid")),
    )
    with op.batch_alter_table("deployments", schema=None) as batch_op:
        batch_op.create_index("ix_deployments_app", ["app_id", "id"], unique=False)

    op.create_table(
        "state_versions",
        sa.Column("id", BIG, nullable=False),
        sa.Column("guest_id", BIG, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["guest_id"], ["guests.id"], name=op.f("fk_state_versions_guest_id_guests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state_versions")),
    )
    with op.batch_alter_table("state_versions", schema=None) as batch_op:
        batch_op.create_index("ix_state_versions_guest", ["guest_id", "id"], unique=False)

    op.create_table(
        "operations",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", BIG, nullable=False),
        sa.Column("app_id", BIG, nullable=False),
        sa.Column("deployment_id", BIG, nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("not_before", sa.Double(), nullable=True),
        sa.Column("holder", sa.String(length=255), nullable=True),
        sa.Column("cancel", sa.String(length=64), nullable=True),
        sa.Column("prior_state", sa.String(length=16), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_operations_app_id_apps")),
        sa.ForeignKeyConstraint(
            ["deployment_id"],
            ["deployments.id"],
            name=op.f("fk_operations_deployment_id_deployments"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_operations_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operations")),
        sa.UniqueConstraint("uuid", name=op.f("uq_operations_uuid")),
    )
    with op.batch_alter_table("operations", schema=None) as batch_op:
        batch_op.create_index("ix_operations_app", ["app_id", "id"], unique=False)
        batch_op.create_index(
            "ix_operations_state",
            ["state"],
            unique=False,
            sqlite_where=sa.text("state IN ('queued', 'running', 'unwinding')"),
            postgresql_where=sa.text("state IN ('queued', 'running', 'unwinding')"),
        )
        batch_op.create_index(
            "uq_operations_active",
            ["app_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('queued', 'running', 'unwinding')"),
            postgresql_where=sa.text("state IN ('queued', 'running', 'unwinding')"),
        )

    op.create_table(
        "idempotency_keys",
        sa.Column("tenant_id", BIG, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("operation_id", BIG, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["operation_id"],
            ["operations.id"],
            name=op.f("fk_idempotency_keys_operation_id_operations"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_idempotency_keys_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "steps",
        sa.Column("operation_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("child_seconds", sa.Double(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operations.id"], name=op.f("fk_steps_operation_id_operations")
        ),
        sa.PrimaryKeyConstraint("operation_id", "name", name=op.f("pk_steps")),
    )


def downgrade() -> None:
    op.drop_table("steps")
    op.drop_table("idempotency_keys")
    with op.batch_alter_table("operations", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_operations_active",
            sqlite_where=sa.text("state IN ('queued', 'running', 'unwinding')"),
            postgresql_where=sa.text("state IN ('queued', 'running', 'unwinding')"),
        )
        batch_op.drop_index(
            "ix_operations_state",
            sqlite_where=sa.text("state IN ('queued', 'running', 'unwinding')"),
            postgresql_where=sa.text("state IN ('queued', 'running', 'unwinding')"),
        )
        batch_op.drop_index("ix_operations_app")

    op.drop_table("operations")
    with op.batch_alter_table("state_versions", schema=None) as batch_op:
        batch_op.drop_index("ix_state_versions_guest")

    op.drop_table("state_versions")
    with op.batch_alter_table("deployments", schema=None) as batch_op:
        batch_op.drop_index("ix_deployments_app")

    op.drop_table("deployments")
    with op.batch_alter_table("releases", schema=None) as batch_op:
        batch_op.drop_index("uq_releases_number")

    op.drop_table("releases")
    with op.batch_alter_table("guests", schema=None) as batch_op:
        batch_op.drop_index("uq_guests_vmid")
        batch_op.drop_index(
            "uq_guests_address",
            sqlite_where=sa.text("state != 'gone'"),
            postgresql_where=sa.text("state != 'gone'"),
        )
        batch_op.drop_index("ix_guests_app")

    op.drop_table("guests")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index("ix_events_at")

    op.drop_table("events")
    with op.batch_alter_table("apps", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_apps_slug",
            sqlite_where=sa.text("state != 'deleted'"),
            postgresql_where=sa.text("state != 'deleted'"),
        )
        batch_op.drop_index("ix_apps_state")
        batch_op.drop_index(
            "ix_apps_listed",
            sqlite_where=sa.text("state != 'deleted'"),
            postgresql_where=sa.text("state != 'deleted'"),
        )

    op.drop_table("apps")
    op.drop_table("app_counts")
    op.drop_table("tenants")
    op.drop_table("sequences")
    op.drop_table("installation")
