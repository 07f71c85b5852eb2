"""``ansible-playbook`` in a process that has it loaded: what is loaded, and how a fork plays."""

import gc
import importlib
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ansible.cli.playbook import PlaybookCLI  # type: ignore[import-untyped]
from ansible.parsing.dataloader import DataLoader  # type: ignore[import-untyped]
from ansible.plugins import loader as plugins  # type: ignore[import-untyped]
from ansible.template import Templar  # type: ignore[import-untyped]

from ansible import constants  # type: ignore[attr-defined]

NAMED = {
    "action": ("normal", "validate_argument_spec"),
    "connection": ("local", "ssh"),
    "shell": ("sh",),
    "strategy": ("linear",),
    "inventory": ("yaml",),
    "cache": ("memory",),
    "become": ("sudo",),
}
# Kinds of which Ansible itself loads all when a play begins, for their settings.
WHOLE = ("vars", "callback", "connection", "shell", "become")
# More than a process of this kind has open; the kernel closes them in one call.
DESCRIPTORS = 65536


class PatientCLI(PlaybookCLI):  # type: ignore[misc]
    """Stops where the command line is read and nothing of the play is."""

    gate = Path()

    def _play_prereqs(self) -> Any:
        with self.gate.open() as pipe:
            pipe.readline()
        return super()._play_prereqs()


def load() -> None:
    """Load what a play needs besides its own files, and keep it where forks share it."""
    plugins.init_plugin_loader()
    # What Ansible has itself is described in a file that takes a fifth of a second to read.
    importlib.import_module("ansible_collections.ansible.builtin")
    for kind, names in NAMED.items():
        loader = getattr(plugins, f"{kind}_loader")
        for name in names:
            loader.get(name, class_only=True)
    for kind in WHOLE:
        list(getattr(plugins, f"{kind}_loader").all(class_only=True))
    Templar(DataLoader()).template("{{ [1] | length > 0 }}")
    gc.collect()
    gc.freeze()


def begin(environment: Mapping[str, str], gate: Path, arguments: Sequence[str]) -> NoReturn:
    """Play in this process, a fork; wait at the gate before inventory and playbook are read.

    It leaves at once when it is done. Taking so many modules apart takes longer than a task, and
    all that would be cleaned up lies in a folder that is removed as a whole.
    """
    code: object = 1
    try:
        os.closerange(3, DESCRIPTORS)
        # As Python has it when it starts; a process that is to become a program has it not.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        _settle(environment)
        PatientCLI.gate = gate
        PatientCLI.cli_executor(["ansible-playbook", *arguments])
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 (below it is the code of the process that was forked)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


def _settle(environment: Mapping[str, str]) -> None:
    """Let the play's environment count where Ansible read another one when it was loaded."""
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    # There are no collections but Ansible's own, so those that are loaded are the right ones.
    warnings.filterwarnings("ignore", message="AnsibleCollectionFinder has already")
    config = constants.config
    for name in config.get_configuration_definitions():
        value = config.get_config_value(name, variables=vars(constants))
        constants.set_constant(name, value)
    # ansible-runner's own, by which it learns what happens: it reads its environment at once.
    for folder in constants.DEFAULT_CALLBACK_PLUGIN_PATH:
        plugins.callback_loader.add_directory(folder)
