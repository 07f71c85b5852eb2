"""The verb that shows logs: of the deployment, or of the app itself."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import click

from paas.cli.client import Client, Json
from paas.cli.events import PATIENCE, Block, Line, Pump, happenings
from paas.cli.exits import UNREACHABLE, CliFailure
from paas.cli.session import Session, colour_on_stdout, say
from paas.cli.text import neutral, neutral_lines

LOOK = 1.0
WINDOW = 1000
AGO = re.compile(r"([0-9]{1,6})(s|m|h|d)")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Since(click.ParamType[str]):
    """A time in ISO 8601, by this machine's clock when it has no zone, or how long ago: 10m."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """The time in UTC, as the platform reads it."""
        text = str(value)
        try:
            ago = AGO.fullmatch(text)
            if ago:
                at = datetime.now(UTC) - timedelta(**{UNITS[ago[2]]: int(ago[1])})
            else:
                at = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(
                f"{text!r} is no time such as 2025-11-25T10:05 or 10m (s, m, h, d).", param, ctx
            )
        return at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


@click.command("logs")
@click.argument("deployment")
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines until Ctrl-C.")
@click.option(
    "--app",
    "--runtime",
    "of_app",
    is_flag=True,
    help="The app's own output instead of the deployment's.",
)
@click.option(
    "--since", type=Since(), help="Of --app, only lines since a time (ISO 8601, or 10m for ago)."
)
@click.option("--search", help="Of --app, only lines with this very text.")
@click.option(
    "--limit",
    type=click.IntRange(1, 10000),
    default=WINDOW,
    show_default=True,
    help="Of --app, only so many lines from the end.",
)
@click.pass_obj
def logs_verb(
    session: Session,
    deployment: str,
    follow: bool,
    of_app: bool,
    since: str | None,
    search: str | None,
    limit: int,
) -> None:
    """Print the log of DEPLOYMENT (an id or a name)."""
    if not of_app and (since or search):
        raise click.UsageError("--since and --search are for the app's own output: add --app.")
    client = session.client()
    app_id = str(client.find(deployment)["id"])
    if of_app:
        wanted = {"limit": str(limit), "since": since, "search": search}
        _output(client, app_id, {k: v for k, v in wanted.items() if v}, follow=follow)
    elif follow:
        _follow(client, app_id)
    else:
        text = str(client.call("GET", f"/api/deployments/{app_id}/logs").document.get("logs", ""))
        click.echo(neutral_lines(text.rstrip("\n"), colour=colour_on_stdout()))


def _follow(client: Client, app_id: str) -> None:
    """All lines from the first on, then new ones; ends when the deployment is deleted."""
    pump = Pump(happenings(client, app_id))
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


def _output(client: Client, app_id: str, wanted: Mapping[str, str], *, follow: bool) -> None:
    """The app's own lines, and with ``follow`` those that come."""
    path = f"/api/deployments/{app_id}/runtime-logs?{urlencode(wanted)}"
    if not follow:
        found = client.call("GET", path).document.get("logs")
        for line in found if isinstance(found, list) else []:
            _print(line if isinstance(line, dict) else {})
        return
    pump = Pump(Line(client, f"{path}&follow=1", Output().read))
    while True:
        line = pump.next(LOOK)
        if line is not None:
            _print(line)
        elif pump.line.lost_for > PATIENCE:
            raise CliFailure(UNREACHABLE, f"The log of {client.url} does not come any more.")


class Output:
    """Reads the app's lines from a stream, and says once why it is interrupted."""

    def __init__(self) -> None:
        self._said = ""

    def read(self, block: Block) -> Json | None:
        """The line in a block; None when it is none."""
        found = block.document
        if block.kind == "line":
            self._said = ""
            return found
        reason = str(found.get("error", ""))
        if block.kind == "away" and reason != self._said:
            self._said = reason
            say(f"{reason} (trying again)")
        return None


def _print(line: Json) -> None:
    text = neutral(str(line.get("text", "")), colour=colour_on_stdout())
    click.echo(f"{neutral(str(line.get('at', '')))} {text}")
