"""Files of the system that are written only when they are to change."""

from pathlib import Path


def write(path: Path, text: str) -> bool:
    """Whether the file had to be written."""
    if path.is_file() and path.read_text() == text:
        return False
    path.write_text(text)
    return True
