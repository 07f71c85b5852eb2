"""What this guest should serve: one small file, replaced as a whole."""

from pathlib import Path
from typing import NamedTuple

from paas.targets.local.sandbox import layout

from . import places


class State(NamedTuple):
    """The release that serves, and where it answers."""

    current: int | None = None
    host: str = ""
    port: int = 0


def path() -> Path:
    return layout.state_file(places.STATE)


def read() -> State:
    """The state as it was last written; a new guest serves nothing."""
    try:
        found = layout.read_json(path())
    except FileNotFoundError:
        return State()
    current = found.get("current")
    return State(
        current if isinstance(current, int) else None,
        str(found.get("host") or ""),
        int(str(found.get("port") or 0)),
    )


def write(state: State) -> None:
    layout.write_json(path(), state._asdict(), places.READABLE)
