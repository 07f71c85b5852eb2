"""Accounts, plans, usage, nodes, replicas: all that several teams on one platform need."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", BIG, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("tenant_id", BIG, nullable=True),
        sa.Column("user_id", BIG, nullable=True),
        sa.Column("actor", sa.String(length=254), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("object", sa.String(length=255), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index("ix_audit_entries_at", "audit_entries", ["at"], unique=False)
    op.create_index("ix_audit_entries_tenant", "audit_entries", ["tenant_id", "id"], unique=False)

    op.create_table(
        "counted_hours",
        sa.Column("hour", MOMENT, nullable=False),
        sa.Column("counted_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("hour", name=op.f("pk_counted_hours")),
    )
    op.create_table(
        "live_settings",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("updated_by", sa.String(length=254), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_live_settings")),
    )
    op.create_table(
        "nodes",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("endpoint", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nodes")),
        sa.UniqueConstraint("uuid", name=op.f("uq_nodes_uuid")),
    )
    op.create_index("uq_nodes_name", "nodes", ["endpoint", "name"], unique=True)

    op.create_table(
        "plans",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("cpu_cores", sa.Double(), nullable=False),
        sa.Column("ram_mb", sa.Integer(), nullable=False),
        sa.Column("disk_gb", sa.Integer(), nullable=False),
        sa.Column("max_replicas", sa.Integer(), nullable=False),
        sa.Column("price_per_hour", sa.Numeric(precision=12, scale=6), nullable=False),
        sa.Column("price_per_month", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("features", sa.JSON(), nullable=False),
        sa.Column("placement", sa.JSON(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("slug", name=op.f("uq_plans_slug")),
        sa.UniqueConstraint("uuid", name=op.f("uq_plans_uuid")),
    )
    op.create_table(
        "throttles",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("first_at", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_throttles")),
    )
    op.create_table(
        "users",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("first_name", sa.String(length=100), nullable=False),
        sa.Column("last_name", sa.String(length=100), nullable=False),
        sa.Column("password", sa.String(length=255), nullable=True),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=True),
        sa.Column("totp_confirmed_at", MOMENT, nullable=True),
        sa.Column("totp_last_step", BIG, nullable=True),
        sa.Column("recovery_codes", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_login_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        sa.UniqueConstraint("uuid", name=op.f("uq_users_uuid")),
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("tenant_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("begins", sa.String(length=16), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_api_tokens_tenant_id_tenants")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_api_tokens_user_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_tokens_hash")),
        sa.UniqueConstraint("uuid", name=op.f("uq_api_tokens_uuid")),
    )
    op.create_index("ix_api_tokens_user", "api_tokens", ["user_id"], unique=False)

    op.create_table(
        "letters",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("user_id", BIG, nullable=True),
        sa.Column("tenant_id", BIG, nullable=True),
        sa.Column("standing", sa.String(length=8), nullable=False),
        sa.Column("invited_by", sa.String(length=254), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_letters_tenant_id_tenants")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_letters_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
        sa.UniqueConstraint("hash", name=op.f("uq_letters_hash")),
        sa.UniqueConstraint("uuid", name=op.f("uq_letters_uuid")),
    )
    op.create_table(
        "memberships",
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("tenant_id", BIG, nullable=False),
        sa.Column("standing", sa.String(length=8), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_memberships_tenant_id_tenants")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_memberships_user_id_users")
        ),
        sa.PrimaryKeyConstraint("user_id", "tenant_id", name=op.f("pk_memberships")),
    )
    op.create_index("ix_memberships_tenant", "memberships", ["tenant_id"], unique=False)

    op.create_table(
        "sign_ins",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("tenant_id", BIG, nullable=True),
        sa.Column("refresh", sa.String(length=64), nullable=True),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=255), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_sign_ins_tenant_id_tenants")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sign_ins_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
        sa.UniqueConstraint("uuid", name=op.f("uq_sign_ins_uuid")),
    )
    op.create_index("ix_sign_ins_user", "sign_ins", ["user_id"], unique=False)

    op.create_table(
        "runs",
        sa.Column("id", BIG, nullable=False),
        sa.Column("app_id", BIG, nullable=False),
        sa.Column("tenant_id", BIG, nullable=False),
        sa.Column("plan_id", BIG, nullable=True),
        sa.Column("replicas", sa.Integer(), nullable=False),
        sa.Column("cpu", sa.Double(), nullable=False),
        sa.Column("ram_mb", sa.Integer(), nullable=False),
        sa.Column("disk_gb", sa.Integer(), nullable=False),
        sa.Column("price_per_hour", sa.Numeric(precision=12, scale=6), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_runs_app_id_apps")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_runs_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index("ix_runs_started", "runs", ["started_at"], unique=False)
    op.create_index("ix_runs_ended", "runs", ["ended_at"], unique=False)
    op.create_index(
        "uq_runs_open",
        "runs",
        ["app_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )

    op.create_table(
        "stream_tickets",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("app_id", BIG, nullable=False),
        sa.Column("tenant_id", BIG, nullable=False),
        sa.Column("user_id", BIG, nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"], ["apps.id"], name=op.f("fk_stream_tickets_app_id_apps")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_stream_tickets_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_stream_tickets")),
    )
    op.create_table(
        "usage_hours",
        sa.Column("hour", MOMENT, nullable=False),
        sa.Column("app_id", BIG, nullable=False),
        sa.Column("tenant_id", BIG, nullable=False),
        sa.Column("plan_id", BIG, nullable=True),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("replicas", sa.Double(), nullable=False),
        sa.Column("cpu", sa.Double(), nullable=False),
        sa.Column("ram_mb", sa.Double(), nullable=False),
        sa.Column("disk_gb", sa.Double(), nullable=False),
        sa.Column("cost", sa.Numeric(precision=16, scale=8), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_usage_hours_app_id_apps")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_usage_hours_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("hour", "app_id", name=op.f("pk_usage_hours")),
    )
    op.create_index("ix_usage_hours_tenant", "usage_hours", ["tenant_id", "hour"], unique=False)

    op.add_column("tenants", sa.Column("closed_at", MOMENT, nullable=True))

    with op.batch_alter_table("apps") as table:
        table.add_column(sa.Column("plan_id", BIG, nullable=True))
        table.add_column(sa.Column("replicas", sa.Integer(), server_default="1", nullable=False))
        table.add_column(sa.Column("cpu_limit", sa.Double(), nullable=True))
        table.add_column(sa.Column("buildpack", sa.String(length=128), nullable=True))
        table.add_column(sa.Column("variables", sa.JSON(), server_default="{}", nullable=False))
        table.add_column(
            sa.Column("auto_deploy", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        table.add_column(sa.Column("webhook_secret", sa.LargeBinary(), nullable=True))
        table.add_column(sa.Column("waiting_push", sa.JSON(), nullable=True))
        table.add_column(sa.Column("credential", sa.LargeBinary(), nullable=True))
        table.add_column(sa.Column("updated_at", MOMENT, nullable=True))
        table.add_column(sa.Column("resumes_to", sa.String(length=16), nullable=True))
        table.add_column(
            sa.Column("to_be_suspended", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        table.create_foreign_key(op.f("fk_apps_plan_id_plans"), "plans", ["plan_id"], ["id"])

    with op.batch_alter_table("deployments") as table:
        table.add_column(
            sa.Column("triggered_by", sa.String(length=255), server_default="", nullable=False)
        )
        table.add_column(sa.Column("build_started_at", MOMENT, nullable=True))
        table.add_column(sa.Column("build_completed_at", MOMENT, nullable=True))

    with op.batch_alter_table("endpoints") as table:
        table.add_column(sa.Column("access", sa.LargeBinary(), nullable=True))

    with op.batch_alter_table("guests") as table:
        table.add_column(sa.Column("slot", sa.Integer(), server_default="1", nullable=False))
        table.add_column(sa.Column("cpu_limit", sa.Double(), nullable=True))
        table.add_column(sa.Column("release_id", BIG, nullable=True))
    op.execute(
        "UPDATE guests SET release_id = "
        "(SELECT live_release_id FROM apps WHERE apps.guest_id = guests.id)"
    )
    with op.batch_alter_table("apps") as table:
        table.drop_column("guest_id")
    op.create_index(
        "uq_guests_slot",
        "guests",
        ["app_id", "slot"],
        unique=True,
        sqlite_where=sa.text("state != 'gone'"),
        postgresql_where=sa.text("state != 'gone'"),
    )

    with op.batch_alter_table("operations") as table:
        table.add_column(sa.Column("options", sa.JSON(), server_default="{}", nullable=False))

    with op.batch_alter_table("releases") as table:
        table.add_column(sa.Column("settings", sa.JSON(), server_default="{}", nullable=False))
        table.add_column(sa.Column("variables", sa.LargeBinary(), nullable=True))
        table.add_column(sa.Column("stored_at", MOMENT, nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the backup from before the upgrade instead")
