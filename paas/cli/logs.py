"""The verb that shows logs: of the deployment, or of the app itself."""

import time

import click

from paas.cli.client import Client, Json
from paas.cli.events import PATIENCE, Line, Pump
from paas.cli.exits import UNREACHABLE, CliFailure
from paas.cli.session import Session, colour_on_stdout
from paas.cli.text import neutral, neutral_lines

LOOK = 1.0
POLL = 1.0
WINDOW = 1000


@click.command("logs")
@click.argument("deployment")
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines until Ctrl-C.")
@click.option("--runtime", is_flag=True, help="The app's own output instead of the deployment's.")
@click.option(
    "--limit",
    type=click.IntRange(1, 10000),
    default=WINDOW,
    show_default=True,
    help="Of --runtime, only so many lines from the end.",
)
@click.pass_obj
def logs_verb(session: Session, deployment: str, follow: bool, runtime: bool, limit: int) -> None:
    """Print the log of DEPLOYMENT (an id or a name)."""
    client = session.client()
    app_id = str(client.find(deployment)["id"])
    if runtime:
        _runtime(client, app_id, limit, follow=follow)
    elif follow:
        _follow(client, app_id)
    else:
        text = str(client.call("GET", f"/api/deployments/{app_id}/logs").document.get("logs", ""))
        click.echo(neutral_lines(text.rstrip("\n"), colour=colour_on_stdout()))


def _follow(client: Client, app_id: str) -> None:
    """All lines from the first on, then new ones; ends when the deployment is deleted."""
    pump = Pump(Line(client, app_id))
    colour = colour_on_stdout()
    while True:
        event = pump.next(LOOK)
        if event is None:
            if pump.line.lost_for > PATIENCE:
                raise CliFailure(UNREACHABLE, f"{client.url} does not answer any more.")
        elif event.kind == "log":
            click.echo(f"{neutral(event.stream)}: {neutral(event.text, colour=colour)}")
        elif event.kind == "status":
            click.echo(f"status: {neutral(event.text)}")
            if event.text == "deleted":
                return


def _runtime(client: Client, app_id: str, limit: int, *, follow: bool) -> None:
    shown = _runtime_lines(client, app_id, limit)
    _print_runtime(shown)
    lost_at: float | None = None
    while follow:
        time.sleep(POLL)
        try:
            lines = _runtime_lines(client, app_id, limit)
        except CliFailure as failure:
            lost_at = lost_at or time.monotonic()
            if failure.code != UNREACHABLE or time.monotonic() - lost_at > PATIENCE:
                raise
            continue
        lost_at = None
        _print_runtime(new_lines(shown, lines))
        shown = lines


def _runtime_lines(client: Client, app_id: str, limit: int) -> list[Json]:
    path = f"/api/deployments/{app_id}/runtime-logs?limit={limit}"
    found = client.call("GET", path).document.get("logs")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _print_runtime(lines: list[Json]) -> None:
    colour = colour_on_stdout()
    for line in lines:
        text = neutral(str(line.get("text", "")), colour=colour)
        click.echo(f"{neutral(str(line.get('at', '')))} {text}")


def new_lines(before: list[Json], now: list[Json]) -> list[Json]:
    """What ``now`` has after the end of ``before``: both are windows on one growing log."""
    for length in range(min(len(before), len(now)), 0, -1):
        if before[-length:] == now[:length]:
            return now[length:]
    return now
