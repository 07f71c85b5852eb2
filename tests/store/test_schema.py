"""The migrations make exactly the tables that the models name, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from paas.settings import Settings
from paas.store import setup
from paas.store.base import Base
from paas.store.unit_of_work import Store


def test_the_migrated_tables_equal_the_models(store: Store) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_preparing_again_changes_nothing(store: Store, both_settings: Settings) -> None:
    key = (both_settings.instance / "secret.key").read_text()
    setup.prepare(both_settings)
    assert (both_settings.instance / "secret.key").read_text() == key


def test_secrets_are_for_their_owner_alone(store: Store, both_settings: Settings) -> None:
    for name in ("secret.key", "session.key", "token", "host-id"):
        setup.host_id(both_settings)
        assert (both_settings.instance / name).stat().st_mode & 0o777 == 0o600, name
