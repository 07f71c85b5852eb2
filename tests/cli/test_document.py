"""docs/cli.md says what the command does: every verb, option and exit code."""

import re
from pathlib import Path

import click
import pytest

from paas.cli import VERBS, group
from paas.cli.exits import MEANINGS

DOCUMENT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


def options_of(command: click.Command) -> set[str]:
    """The long names of the options of a command, and of the commands in it."""
    names = {name for one in command.params for name in one.opts if isinstance(one, click.Option)}
    if isinstance(command, click.Group):
        for part in command.commands.values():
            names |= options_of(part)
    return {name for name in names if name.startswith("--")}


def test_every_verb_is_documented_and_no_other() -> None:
    assert set(re.findall(r"`paas ([a-z]+)", DOCUMENT)) == set(VERBS)


def test_every_option_is_documented_and_no_other() -> None:
    context = click.Context(group)
    known = options_of(group) - {"--version"}
    for name in VERBS:
        command = group.get_command(context, name)
        assert command is not None
        assert command.help
        known |= options_of(command)
    assert set(re.findall(r"--[a-z][a-z-]*", DOCUMENT)) == known


@pytest.mark.parametrize("code", MEANINGS)
def test_every_exit_code_is_documented(code: int) -> None:
    assert f"| {code} | {MEANINGS[code]} |" in DOCUMENT
