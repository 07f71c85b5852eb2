"""``ansible-playbook``, loaded ahead of its time: ``ansible_start.py GATE ARGUMENTS...``.

All of Ansible that a play needs is imported first. Then the program waits until a line comes
through the named pipe GATE, and only then reads playbook, inventory and variables.
"""

import importlib
import sys

EARLY = (
    *("ansible.executor.playbook_executor", "ansible.executor.task_executor"),
    *("ansible.plugins.strategy.linear", "ansible.plugins.action.normal"),
    *("ansible.plugins.action.validate_argument_spec", "ansible.plugins.connection.local"),
    *("ansible.plugins.shell.sh", "ansible.plugins.callback.default", "ansible.plugins.become.su"),
    *("ansible.plugins.filter.core", "ansible.plugins.filter.mathstuff"),
    *("ansible.plugins.test.core", "ansible.plugins.test.files", "ansible.plugins.test.mathstuff"),
    *("ansible.plugins.inventory.yaml", "ansible.plugins.vars.host_group_vars"),
    *("ansible.module_utils.common.arg_spec", "ansible.executor.module_common"),
)


def main() -> None:
    """Import, wait, play."""
    gate, *arguments = sys.argv[1:]
    cli = importlib.import_module("ansible.cli.playbook").PlaybookCLI
    for name in EARLY:
        importlib.import_module(name)
    with open(gate) as pipe:  # noqa: PTH123
        pipe.readline()
    sys.argv = ["ansible-playbook", *arguments]
    cli.cli_executor(sys.argv)


if __name__ == "__main__":
    main()
