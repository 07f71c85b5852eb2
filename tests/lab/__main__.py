"""``python -m tests.lab`` runs a lab until Ctrl-C; ``python -m tests.lab down`` sweeps."""

import os
import shlex
import signal
import sys
import threading
from pathlib import Path

import click

from tests.lab import ground, lab
from tests.lab.hypervisor import HypervisorError
from tests.lab.network import NUMBERS

USAGE = "usage: python -m tests.lab [up|down]; PAAS_LAB_NUMBER (0 to 9) names one of several labs"


def main(words: list[str]) -> int:
    try:
        if words in ([], ["up"]):
            return _up()
        if words == ["down"]:
            return _down()
    except HypervisorError as error:
        click.echo(f"The lab: {error}.", err=True)
        return 1
    click.echo(USAGE, err=True)
    return 2


def _up() -> int:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    click.echo(
        "Starting the lab; images and packages are made on the first start, for some minutes."
    )
    with lab.running(_number()) as here:
        click.echo(_instructions(here, here.ground.folder / "instance"))
        ended.wait()
        click.echo("\nEnding the lab; its guests go with it.")
    return 0


def _down() -> int:
    why = ground.obstacle()
    if why:
        raise HypervisorError(why)
    numbers = (chosen,) if (chosen := _number()) is not None else NUMBERS
    swept = ground.sweep_all(numbers)
    for number, containers in swept.items():
        if containers:
            click.echo(f"Lab {number}: removed {', '.join(containers)}.")
    for number in sorted(set(numbers) - set(swept)):
        click.echo(f"Lab {number} runs: it ends by Ctrl-C where it was started.")
    click.echo("Nothing of a killed lab is left.")
    return 0


def _number() -> int | None:
    given = os.environ.get("PAAS_LAB_NUMBER", "")
    if not given:
        return None
    if not given.isdigit() or int(given) not in NUMBERS:
        raise HypervisorError(f"PAAS_LAB_NUMBER={given!r}: must be 0 to 9")
    return int(given)


def _instructions(here: lab.Lab, instance: Path) -> str:
    exports = [
        f"export {name}={shlex.quote(value)}"
        for name, value in here.environ(instance).items()
        if value
    ]
    return "\n".join(
        [
            f"The lab runs: {here.pve.url} with guests on {here.ground.plan.bridge}.",
            "Point the platform at it in another shell, as root, then `make run`:",
            "",
            *exports,
            "",
            "Samples to deploy: "
            + ", ".join(f"https://github.com/samples/{key}" for key in ("flask", "express")),
            "Ctrl-C ends it and leaves nothing.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
