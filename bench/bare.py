"""What the door is held against: a bare Flask route that inserts one row and nothing else.

``python -m bench.bare FOLDER PORT`` serves it under the platform's own gunicorn settings, on
SQLite in the platform's mode.
"""

import signal
import socket
import sqlite3
import sys
import threading
from pathlib import Path
from uuid import uuid4

from flask import Flask, Response, jsonify, request

from paas.running.web import Server
from paas.settings import Settings

TABLE = "CREATE TABLE IF NOT EXISTS things (id INTEGER PRIMARY KEY, uuid TEXT, name TEXT)"


def connect(path: Path) -> sqlite3.Connection:
    """A connection in the platform's mode."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def create_bare_app(path: Path) -> Flask:
    """The application: POST /api/deploy answers 202 when its row is on disk."""
    app = Flask("bare")
    local = threading.local()
    connect(path).execute(TABLE)

    @app.post("/api/deploy")
    def insert() -> tuple[Response, int]:
        if not hasattr(local, "connection"):
            local.connection = connect(path)
        name = request.get_json()["name"]
        local.connection.execute("BEGIN IMMEDIATE")
        local.connection.execute(
            "INSERT INTO things (uuid, name) VALUES (?, ?)", (str(uuid4()), name)
        )
        local.connection.execute("COMMIT")
        return jsonify(success=True, name=name), 202

    @app.get("/health")
    def health() -> Response:
        return jsonify(status="healthy")

    return app


class BareServer(Server):
    """The platform's server with the bare application in it."""

    def __init__(self, settings: Settings, listener: socket.socket, path: Path) -> None:
        self._path = path
        super().__init__(settings, listener)

    def load(self) -> object:
        """Made in gunicorn's worker, as the platform's is."""
        return create_bare_app(self._path)


def main(folder: Path, port: int) -> None:
    """Serve until SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listener = socket.create_server(("127.0.0.1", port), backlog=2048)
    BareServer(Settings(instance=folder), listener, folder / "bare.db").run()


if __name__ == "__main__":
    sys.argv, arguments = sys.argv[:1], sys.argv[1:]
    main(Path(arguments[0]), int(arguments[1]))
