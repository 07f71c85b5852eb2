"""The files by which the edge is told its table and says what it has applied."""

import json
import os
from pathlib import Path

from paas.domain.routes import Table

TABLE = "table.json"
APPLIED = "applied"


def write_table(folder: Path, table: Table) -> bool:
    """Tell the edge its table; False when it was told the same before."""
    path, text = folder / TABLE, table.to_json()
    try:
        if path.read_text() == text:
            return False
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    folder.mkdir(mode=0o700, exist_ok=True)
    write_whole(path, text)
    return True


def read_table(folder: Path) -> Table | None:
    """The table that the edge was told last; None when there is none that can be read."""
    try:
        return Table.from_json((folder / TABLE).read_text())
    except (FileNotFoundError, ValueError):
        return None


def stamp(folder: Path) -> tuple[int, int] | None:
    """What changes whenever the table's file does; None when there is none."""
    try:
        found = (folder / TABLE).stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino


def write_applied(folder: Path, digest: str) -> None:
    """Say by which table the edge serves now, in which process."""
    write_whole(folder / APPLIED, json.dumps({"digest": digest, "pid": os.getpid()}))


def applied(folder: Path) -> str:
    """The digest of the table by which a living edge serves; empty when there is none."""
    try:
        found = json.loads((folder / APPLIED).read_text())
        os.kill(found["pid"], 0)
    except (FileNotFoundError, ValueError, ProcessLookupError, PermissionError):
        return ""
    return str(found["digest"])


def write_whole(path: Path, text: str) -> None:
    """Write a file that only its owner reads; others see the old text or the new, never half."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    beside.replace(path)
