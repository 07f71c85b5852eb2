"""Alembic's entry: it runs on the engine that ``paas.store.setup.migrate`` hands over."""

from alembic import context
from sqlalchemy import Engine, text

from paas.store import models  # noqa: F401 - The tables register themselves.
from paas.store.base import Base


def migrate(engine: Engine) -> None:
    """Run the revisions in one transaction, one process at a time."""
    with engine.connect() as connection:
        sqlite = engine.dialect.name == "sqlite"
        if sqlite:
            # A batch migration drops and renames a table; with foreign keys on, SQLite would
            # delete the rows that point to it. The pragma has no effect inside a transaction.
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.commit()
            connection.execution_options(paas_write=True)
        with connection.begin():
            if not sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(7361646)"))
            context.configure(
                connection=connection,
                target_metadata=Base.metadata,
                render_as_batch=sqlite,
                transactional_ddl=True,
            )
            context.run_migrations()
        if sqlite:
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")
            connection.commit()


migrate(context.config.attributes["engine"])
