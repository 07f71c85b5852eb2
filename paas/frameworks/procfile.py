"""A Procfile: lines of ``name: command``."""

import re

LINE = re.compile(r"([A-Za-z0-9_-]{1,60})\s*:\s*(.*\S)\s*")


def read_procfile(text: str) -> dict[str, str]:
    """The commands by name; the last of a name counts, lines of another form are left out."""
    commands = {}
    for line in text.splitlines():
        hit = LINE.fullmatch(line.strip())
        if hit is not None and "\x00" not in line and not line.lstrip().startswith("#"):
            commands[hit[1]] = hit[2]
    return commands
