"""The database: tables, queries, leases, the vault, the queue."""

from paas.store import commerce, models, people  # noqa: F401 - All tables register themselves.
