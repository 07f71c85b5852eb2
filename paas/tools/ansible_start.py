"""``ansible-playbook``, loaded ahead of its time: ``ansible_start.py GATE ARGUMENTS...``.

All of Ansible that a play needs is loaded first. Then the program waits until a line comes
through the named pipe GATE, and only then reads inventory, variables and playbook. Loading takes
about as long as the play of a small release, and it overlaps with the making of the guest.
"""

import os
import sys
from pathlib import Path
from typing import Any

from ansible.cli.playbook import PlaybookCLI  # type: ignore[import-untyped]
from ansible.parsing.dataloader import DataLoader  # type: ignore[import-untyped]
from ansible.plugins import loader as plugins  # type: ignore[import-untyped]
from ansible.template import Templar  # type: ignore[import-untyped]

NAMED = {
    "action": ("normal", "validate_argument_spec"),
    "connection": ("local", "ssh"),
    "shell": ("sh",),
    "strategy": ("linear",),
    "inventory": ("yaml",),
    "cache": ("memory",),
    "become": ("sudo",),
}


class PatientCLI(PlaybookCLI):  # type: ignore[misc]
    """Stops where the command line is read and nothing of the play is."""

    gate = Path()

    def _play_prereqs(self) -> Any:
        load()
        with self.gate.open() as pipe:
            pipe.readline()
        return super()._play_prereqs()


def load() -> None:
    """Load the plugins that a play asks for one after the other."""
    for kind, names in NAMED.items():
        loader = getattr(plugins, f"{kind}_loader")
        for name in names:
            loader.get(name, class_only=True)
    for loader in (plugins.vars_loader, plugins.callback_loader):
        list(loader.all(class_only=True))
    Templar(DataLoader()).template("{{ [1] | length > 0 }}")


def main() -> None:
    """Load, wait, play; then leave at once.

    Taking so many modules apart takes longer than a task, and all that would be cleaned up lies
    in a folder that is removed as a whole.
    """
    PatientCLI.gate = Path(sys.argv.pop(1))
    code: object = 0
    try:
        PatientCLI.cli_executor(["ansible-playbook", *sys.argv[1:]])
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main()
