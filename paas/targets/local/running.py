"""How this target runs programs of the host: shortly, under the guard, with captured output."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from paas.domain.errors import StepInterrupted
from paas.tools import process

Run = Callable[[Sequence[str], Mapping[str, str]], tuple[int, str]]
"""``run(argv, env)``: the exit code and all output; ``env`` is the whole environment."""

DEADLINE = 600.0


def run_guarded(argv: Sequence[str], env: Mapping[str, str]) -> tuple[int, str]:
    """Run a program to its end; one that takes ten minutes counts as failed."""
    lines: list[str] = []
    command = process.Command(tuple(argv), Path("/"), env, mark="target-local")
    try:
        done = process.run(
            command,
            on_line=lines.append,
            deadline=DEADLINE,
            leash=process.Leash(seconds=DEADLINE),
        )
    except StepInterrupted as error:
        return 1, "\n".join((*lines, str(error)))
    return done.code, "\n".join(lines)
