"""The migrations make exactly the tables that the models name, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from paas.settings import Settings
from paas.store import guests, setup
from paas.store.base import Base
from paas.store.unit_of_work import Store


def test_the_migrated_tables_equal_the_models(store: Store) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_preparing_again_changes_nothing(store: Store, both_settings: Settings) -> None:
    key = (both_settings.instance / "secret.key").read_text()
    setup.prepare(both_settings)
    assert (both_settings.instance / "secret.key").read_text() == key


def test_what_the_platform_keeps_is_for_its_owner_alone(
    store: Store, both_settings: Settings
) -> None:
    setup.host_id(both_settings)
    with store.write() as session:
        guests.next_vmid(session, "somewhere")
    files = [path for path in both_settings.instance.iterdir() if path.is_file()]
    assert {"secret.key", "session.key", "access.key", "token", "host-id"} <= {
        path.name for path in files
    }
    assert {path.name: path.stat().st_mode & 0o777 for path in files} == {
        path.name: 0o600 for path in files
    }
