"""The command line of the guest program."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from .layout import FAILED, USAGE, Guest, GuestError, load


class Arguments(NamedTuple):
    """What a verb was given."""

    guest: str = ""
    release: int = 0
    dependencies: str = ""
    runtime: str = ""
    ready: int = 0
    argv: tuple[str, ...] = ()

    def load(self) -> Guest:
        """The guest that is meant."""
        return load(Path(self.guest))


def main(arguments: Sequence[str]) -> int:
    """Run one verb; the exit code."""
    verb = VERBS.get(arguments[0]) if arguments else None
    try:
        if verb is None:
            raise GuestError(f"Say one of: {', '.join(VERBS)}.", USAGE)
        return verb(_parse(arguments[1:]))
    except GuestError as error:
        sys.stderr.write(f"{error}\n")
        return error.code
    except OSError as error:
        sys.stderr.write(f"The guest program failed at {arguments[0]}: {error}\n")
        return FAILED


def _parse(words: Sequence[str]) -> Arguments:
    argv: tuple[str, ...] = ()
    if "--" in words:
        split = words.index("--")
        words, argv = words[:split], tuple(words[split + 1 :])
    given = {"--guest": "", "--release": "0", "--dependencies": "", "--runtime": "", "--ready": "0"}
    for name, text in zip(words[::2], [*words[1::2], ""], strict=False):
        if name not in given or not text:
            raise GuestError(f"{name} {text}: not an option with a value.", USAGE)
        given[name] = text
    return Arguments(
        guest=given["--guest"],
        release=_number("--release", given),
        dependencies=given["--dependencies"],
        runtime=given["--runtime"],
        ready=_number("--ready", given),
        argv=argv,
    )


def _number(name: str, given: dict[str, str]) -> int:
    if not given[name].isdigit():
        raise GuestError(f"{name} {given[name]}: must be a number.", USAGE)
    return int(given[name])


def _create(_: Arguments) -> int:
    from . import lifecycle

    lifecycle.create(lifecycle.wanted(os.environ))
    return 0


def _destroy(_: Arguments) -> int:
    from . import lifecycle

    folder, marker = (os.environ.get(f"PAAS_GUEST_{name}", "") for name in ("FOLDER", "MARKER"))
    if not Path(folder).is_absolute() or not marker:
        raise GuestError("PAAS_GUEST_FOLDER and PAAS_GUEST_MARKER must say which guest.", USAGE)
    lifecycle.destroy(Path(folder), marker)
    return 0


def _revive(given: Arguments) -> int:
    from . import lifecycle

    revived = lifecycle.revive(given.load())
    _say({"revived": revived})
    return 0


def _serve(given: Arguments) -> int:
    from . import service

    return service.serve(Path(given.guest), given.ready)


def _exec(given: Arguments) -> int:
    from .entering import BUILD, Options, enter

    if not given.argv:
        raise GuestError("Say what to run after --.", USAGE)
    guest = given.load()
    options = Options(given.dependencies, given.runtime)
    environment, _ = enter(guest, given.release, options, port=guest.port, role=BUILD)
    try:
        os.execvpe(given.argv[0], list(given.argv), environment)  # noqa: S606
    except FileNotFoundError:
        raise GuestError(f"There is no program {given.argv[0]} in the guest.", 127) from None


def _start_release(given: Arguments) -> int:
    values: dict[str, object] = {
        "release": given.release,
        "dependencies": given.dependencies,
        "runtime": given.runtime,
    }
    return _ask(given, "start-release", values)


def _retire(given: Arguments) -> int:
    from . import removal

    guest = given.load()
    _ask(given, "retire", {"release": given.release})
    removal.remove_release(guest, given.release)
    return 0


def _ask(given: Arguments, verb: str, values: dict[str, object] | None = None) -> int:
    """Ask the supervisor and print its answer; one that died is revived first."""
    from . import control

    guest = given.load()
    try:
        answer = control.ask(guest.folder, verb, values)
    except control.Unreachable:
        from . import lifecycle

        lifecycle.revive(guest)
        answer = _ask_again(guest, verb, values)
    _say(answer)
    return 0


def _ask_again(guest: Guest, verb: str, values: dict[str, object] | None) -> dict[str, object]:
    from . import control

    try:
        return control.ask(guest.folder, verb, values)
    except control.Unreachable as error:
        raise GuestError(str(error)) from None


def _say(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


VERBS: dict[str, Callable[[Arguments], int]] = {
    "create": _create,
    "destroy": _destroy,
    "exec": _exec,
    "start-release": _start_release,
    "switch": lambda given: _ask(given, "switch", {"release": given.release}),
    "retire": _retire,
    "stop": lambda given: _ask(given, "stop"),
    "start": lambda given: _ask(given, "start"),
    "status": lambda given: _ask(given, "status"),
    "revive": _revive,
    "serve": _serve,
}
