"""The first start and every later one: folders, keys, tables."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from alembic import command
from alembic.config import Config
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select

from paas.domain.errors import SettingsError
from paas.settings import Settings
from paas.store import plans
from paas.store.crypt import Vault
from paas.store.models import Installation, Tenant
from paas.store.unit_of_work import Store

FOLDERS = ("run", "git", "releases", "terraform", "work", "cache", "redis")
OPEN_FOLDERS = ("guests", "bin", "runtimes")
MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(settings: Settings) -> None:
    """Make what an instance needs and bring its tables up to date; safe to repeat."""
    make_folders(settings)
    api_token(settings)
    _secret(settings.instance / "secret.key", lambda: Fernet.generate_key().decode())
    session_key(settings)
    access_key(settings)
    migrate(settings)


def make_folders(settings: Settings) -> None:
    """Folders only their owner can read; as root, guests may pass to their own folder."""
    is_root = os.geteuid() == 0
    settings.instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.instance.chmod(0o711 if is_root else 0o700)
    for name in FOLDERS:
        (settings.instance / name).mkdir(mode=0o700, exist_ok=True)
    for name in OPEN_FOLDERS:
        folder = settings.instance / name
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755 if is_root and name != "guests" else 0o711 if is_root else 0o700)
    settings.log_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not settings.database_url:
        # SQLite gives its journals the mode of the database.
        _database_file(settings).touch(mode=0o600)


def api_token(settings: Settings) -> str:
    """The token for requests that are not local: the setting's, or the instance's own."""
    if settings.api_token:
        return settings.api_token
    return _secret(settings.instance / "token", lambda: secrets.token_urlsafe(32))


def host_id(settings: Settings) -> str:
    """What tells this machine's instance from those of other machines on the same database."""
    return _secret(settings.instance / "host-id", lambda: str(uuid4()))


def session_key(settings: Settings) -> str:
    """The key that signs the cookies of the pages."""
    return _secret(settings.instance / "session.key", lambda: secrets.token_urlsafe(48))


def access_key(settings: Settings) -> str:
    """The key that signs the access tokens of the APIs."""
    return _secret(settings.instance / "access.key", lambda: secrets.token_urlsafe(48))


def _secret(path: Path, make: Callable[[], str]) -> str:
    """The secret in ``path``, made once.

    The text is written beside and linked into place, so that no reader ever sees half of it
    and of two starting processes the first wins.
    """
    if not path.exists():
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(temporary, path)
        temporary.unlink()
    return _read_secret(path)


def _read_secret(path: Path) -> str:
    text = path.read_text().strip()
    if not text:
        raise SettingsError(
            f"{path} is empty. Restore it from your backup, or remove "
            "it if this instance is new; the next start makes another."
        )
    return text


def _new_ssh_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    )


def ssh_key(store: Store) -> str:
    """The private key with which every worker of this installation enters its guests."""
    with store.read() as session:
        sealed = session.scalars(select(Installation.ssh_key)).one()
    if sealed is None:
        raise SettingsError("This instance has no SSH key yet. Run `paas migrate`.")
    return store.vault.open(sealed).decode()


def open_store(settings: Settings) -> Store:
    """The store of a prepared instance."""
    vault = Vault(_read_secret(settings.instance / "secret.key"))
    return Store(database_url(settings), vault)


def database_url(settings: Settings) -> str:
    """The setting's, or SQLite in the instance's folder."""
    return settings.database_url or f"sqlite:///{_database_file(settings)}"


def _database_file(settings: Settings) -> Path:
    return settings.instance / "paas.db"


def migrate(settings: Settings) -> None:
    """Bring the tables to the newest revision and make the rows that always exist."""
    store = open_store(settings)
    try:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["engine"] = store.engine
        command.upgrade(config, "head")
        with store.write() as session:
            found = session.get(Installation, 1)
            if found is None:
                session.add(found := Installation(id=1))
            if found.ssh_key is None:
                found.ssh_key = store.vault.seal(_new_ssh_key())
            if session.scalar(select(Tenant.id).where(Tenant.slug == "default")) is None:
                session.add(Tenant(slug="default", name="Default"))
            plans.seed(session)
    finally:
        store.close()
