"""The ``paas`` command. Verbs are imported when they are called, so that each starts quickly."""

import io
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click

from paas.cli.exits import INTERRUPTED, MEANINGS, OK, UNREACHABLE, USAGE, CliFailure
from paas.cli.session import Session
from paas.domain.errors import PaasError, SettingsError

VERBS = {
    "deploy": "paas.cli.deploying",
    "redeploy": "paas.cli.deploying",
    "list": "paas.cli.reading",
    "show": "paas.cli.reading",
    "logs": "paas.cli.logs",
    "stop": "paas.cli.changing",
    "start": "paas.cli.changing",
    "restart": "paas.cli.changing",
    "shutdown": "paas.cli.changing",
    "drift": "paas.cli.drift",
    "destroy": "paas.cli.changing",
    "terraform": "paas.cli.reading",
    "reconcile": "paas.cli.upkeep",
    "adopt": "paas.cli.upkeep",
    "remove": "paas.cli.upkeep",
    "templates": "paas.cli.templates",
    "provider": "paas.cli.provider",
    "doctor": "paas.cli.platform",
    "run": "paas.cli.platform",
    "worker": "paas.cli.platform",
    "sweep": "paas.cli.platform",
    "users": "paas.cli.users",
    "migrate": "paas.cli.platform",
    "demo": "paas.cli.platform",
}
EPILOG = "Exit codes: " + "; ".join(f"{code} {words}" for code, words in MEANINGS.items()) + "."


class Verbs(click.Group):
    """Finds a verb's module by its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """In the order of the table, which is the order of use."""
        return list(VERBS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002
        cmd_name: str,
    ) -> click.Command | None:
        """The verb, imported now."""
        if cmd_name not in VERBS:
            return None
        found = getattr(import_module(VERBS[cmd_name]), f"{cmd_name}_verb")
        return found if isinstance(found, click.Command) else None


@click.command(cls=Verbs, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--url", help="The platform to speak to; else PAAS_URL, else this machine's.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file with the API token; else PAAS_API_TOKEN, else this machine's instance's.",
)
@click.version_option(package_name="paas", message="%(version)s")
@click.pass_obj
def group(session: Session, url: str | None, token_file: Path | None) -> None:
    """Turn a Git repository into a running app, and look after it."""
    session.url = url
    session.token_file = token_file


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # An app's name or log may hold what the terminal's encoding does not.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    session = Session()
    try:
        code = group.main(arguments, prog_name="paas", standalone_mode=False, obj=session)
        return code if isinstance(code, int) else OK
    except CliFailure as failure:
        return session.fail(failure)
    except click.exceptions.ClickException as error:
        error.show()
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        return session.fail(CliFailure(INTERRUPTED, "Interrupted."))
    except SettingsError as error:
        return session.fail(CliFailure(USAGE, str(error)))
    except PaasError as error:
        return session.fail(CliFailure(UNREACHABLE, str(error)))
