"""Real servers for tests: PostgreSQL and Redis, each on a unix socket in a short folder."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import redis

from paas.tools import redis_server

DEADLINE = 60.0
# Nothing of it has to outlive the run: a new database for each test is dear with a real one's care.
POSTGRES = {
    "listen_addresses": "",
    "max_connections": "200",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
}


def postgres_bin() -> Path | None:
    """The newest PostgreSQL of this machine."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if homes:
        return homes[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _as_nobody() -> list[str]:
    # PostgreSQL refuses to run as root.
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL server; yields a URL prefix that takes a database's name at ``{}``."""
    programs = postgres_bin()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
    data = folder / "data"
    subprocess.run(
        [
            *_as_nobody(),
            str(programs / "initdb"),
            "-D",
            str(data),
            "-U",
            "paas",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ],
        check=True,
        capture_output=True,
        cwd="/",
    )
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [
            *_as_nobody(),
            str(programs / "postgres"),
            "-D",
            str(data),
            "-k",
            str(folder),
            *(f"--{name}={value}" for name, value in POSTGRES.items()),
        ],
        stdout=log,
        stderr=log,
        cwd="/",
    )
    try:
        # The socket is there before the server takes anybody in.
        _until(lambda: _takes_connections(folder), server, "PostgreSQL")
        yield f"postgresql+psycopg://paas@/{{}}?host={folder}"
    finally:
        server.terminate()
        server.wait(30)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis_url() -> Iterator[str]:
    """A Redis server of its own; yields its URL."""
    folder = Path(tempfile.mkdtemp(prefix="rd", dir="/tmp"))
    socket = folder / "redis.sock"
    server = subprocess.Popen(
        redis_server.arguments(folder, socket), stdout=subprocess.DEVNULL, cwd=folder
    )
    try:
        _until(lambda: _answers(socket), server, "Redis")
        yield f"unix://{socket}"
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _takes_connections(folder: Path) -> bool:
    try:
        psycopg.connect(host=str(folder), user="paas", dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def _answers(socket: Path) -> bool:
    try:
        return bool(redis.Redis(unix_socket_path=str(socket)).ping())
    except redis.exceptions.RedisError:
        return False


def _until(ready, server: subprocess.Popen[bytes], name: str) -> None:
    end = time.monotonic() + DEADLINE
    while not ready():
        assert server.poll() is None, f"{name} ended at its start"
        assert time.monotonic() < end, f"{name} did not become ready"
        time.sleep(0.02)
