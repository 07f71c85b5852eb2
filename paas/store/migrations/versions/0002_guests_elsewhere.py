"""Endpoints, locks, and what guests on other machines need."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "endpoints",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("url", sa.String(length=255), nullable=False),
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endpoints")),
        sa.UniqueConstraint("name", name=op.f("uq_endpoints_name")),
    )
    op.create_table(
        "locks",
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("operation_id", BIG, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_locks")),
    )
    op.add_column("installation", sa.Column("ssh_key", sa.LargeBinary(), nullable=True))
    with op.batch_alter_table("guests") as table:
        table.add_column(sa.Column("frozen", sa.JSON(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("host_key", sa.Text(), nullable=True))
        table.add_column(
            sa.Column("is_fixed", sa.Boolean(), nullable=False, server_default=sa.true())
        )
        table.alter_column("address", existing_type=sa.String(length=64), nullable=True)
    where = sa.text("state != 'gone' AND is_fixed")
    op.drop_index("uq_guests_address", table_name="guests")
    op.create_index(
        "uq_guests_address",
        "guests",
        ["endpoint", "address"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup from before the upgrade instead")
