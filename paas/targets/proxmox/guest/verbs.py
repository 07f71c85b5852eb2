"""The command line of the guest program; most verbs take a JSON object and give one back.

    setup, runtimes, submit, follow     make the machine ready, install, bring a release
    health, switch, retire, drain       look at a release, let it serve, end it
    start, tidy, log                    the app as a whole
    run, front, work, exec              what units and builds run

Exit codes: 0 done, 1 failed with a sentence on stderr, 2 wrong usage.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from paas.targets.local.sandbox.layout import FAILED, USAGE, GuestError

Request = Mapping[str, Any]


def main(arguments: Sequence[str]) -> int:
    """Run one verb; the exit code."""
    verb, *words = arguments or [""]
    try:
        if verb in PROGRAMS:
            return PROGRAMS[verb](words)
        if verb not in VERBS:
            raise GuestError(f"Say one of: {', '.join((*VERBS, *PROGRAMS))}.", USAGE)
        answer = VERBS[verb](json.loads(sys.stdin.read() or "{}"))
    except GuestError as error:
        sys.stderr.write(f"{error}\n")
        return error.code
    except OSError as error:
        sys.stderr.write(f"The guest program failed at {verb}: {error}\n")
        return FAILED
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


# Each verb imports what it needs alone: most run once per step of a deployment.


def _setup(request: Request) -> object:
    from . import setup

    return setup.set_up(request)


def _runtimes(request: Request) -> object:
    from . import runtimes

    return runtimes.find(request["names"], request["probe"])


def _submit(request: Request) -> object:
    from . import jobs

    return jobs.submit(request)


def _follow(request: Request) -> object:
    from . import jobs

    return jobs.follow(request["offset"], request["patience"])


def _health(request: Request) -> object:
    from . import serving

    return serving.look(request["release"], request["path"], request["patience"])


def _switch(request: Request) -> object:
    from . import serving

    return serving.switch(request["release"])


def _serves(_: Request) -> object:
    from . import state

    return {"current": state.read().current}


def _retire(request: Request) -> object:
    from . import serving

    return serving.retire(request["release"])


def _start(_: Request) -> object:
    from . import serving

    return serving.start()


def _tidy(request: Request) -> object:
    from . import serving

    return serving.tidy(request["kept"])


def _log(request: Request) -> object:
    from . import journal

    return journal.tail(request["limit"], request["since"], request["search"])


def _drain(words: Sequence[str]) -> int:
    from . import serving

    serving.drain(int(words[0]))
    return 0


def _run(words: Sequence[str]) -> int:
    from . import entering

    entering.run_release(int(words[0]))


def _exec(words: Sequence[str]) -> int:
    from paas.targets.local.sandbox.entering import Options

    from . import entering

    number, dependencies, runtime, mark, *argv = words
    if mark != "--" or not argv:
        raise GuestError("Say what to run after --.", USAGE)
    given = (text if text != "-" else "" for text in (dependencies, runtime))
    entering.run_command(int(number), Options(*given), argv)


def _front(_: Sequence[str]) -> int:
    from . import front, places

    return front.serve(places.load().port)


def _work(_: Sequence[str]) -> int:
    from . import jobs

    return jobs.work()


VERBS: Mapping[str, Callable[[Request], object]] = {
    "setup": _setup,
    "runtimes": _runtimes,
    "submit": _submit,
    "follow": _follow,
    "health": _health,
    "switch": _switch,
    "serves": _serves,
    "retire": _retire,
    "start": _start,
    "tidy": _tidy,
    "log": _log,
}
PROGRAMS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "drain": _drain,
    "run": _run,
    "exec": _exec,
    "front": _front,
    "work": _work,
}
