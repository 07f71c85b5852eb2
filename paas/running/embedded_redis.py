"""The process of the embedded Redis."""

import os
import socket
from functools import partial
from pathlib import Path

from paas.running.child import Role
from paas.tools import redis_server


def redis_role(instance: Path) -> Role:
    """The embedded Redis; the others start when it answers."""
    return Role(
        "redis",
        partial(_serve_redis, instance),
        first=True,
        answers=partial(_answers, redis_server.socket_path(instance)),
    )


def _serve_redis(instance: Path) -> None:
    data = instance / "redis"
    data.mkdir(mode=0o700, exist_ok=True)
    folder = redis_server.make_socket_folder(instance)
    command = redis_server.arguments(data, folder / "redis.sock")
    os.execv(command[0], command)  # noqa: S606 (an argument list, without a shell)


def _answers(path: Path) -> bool:
    """Whether Redis answers: it also refuses while it still reads its file."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False
