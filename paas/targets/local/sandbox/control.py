"""Asking a guest's supervisor: one JSON object each way over its control socket."""

import json
import socket
from pathlib import Path

from .layout import GuestError
from .sockets import control_path

PATIENCE = 60.0


class Unreachable(Exception):
    """The supervisor does not answer: there is none, or it died while it was asked."""


def ask(
    folder: Path,
    verb: str,
    values: dict[str, object] | None = None,
    *,
    timeout: float = PATIENCE,
) -> dict[str, object]:
    """The supervisor's answer; ``GuestError`` with its sentence when it refuses."""
    request = json.dumps({"verb": verb, **(values or {})}).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(timeout)
            with control_path(folder) as path:
                line.connect(path)
            line.sendall(request)
            with line.makefile("rb") as answers:
                answer = json.loads(answers.readline() or b"null")
    except (OSError, ValueError) as error:
        raise Unreachable(f"The guest's supervisor does not answer: {error}.") from None
    if not isinstance(answer, dict):
        raise Unreachable("The guest's supervisor ended before it had answered.")
    if "error" in answer:
        raise GuestError(str(answer["error"]))
    return answer
