"""Verbs that change a deployment which stands: stop, start, destroy."""

import sys

import click

from paas.cli.client import Json
from paas.cli.exits import INTERRUPTED, CliFailure
from paas.cli.session import Session, with_json
from paas.cli.text import neutral
from paas.cli.work import Request, carry_out


@click.command("stop")
@click.argument("deployment")
@with_json
@click.pass_obj
def stop_verb(session: Session, deployment: str) -> None:
    """End the app of DEPLOYMENT; its guest and its data stay."""
    _power(session, deployment, "stop", wanted="stopped")


@click.command("start")
@click.argument("deployment")
@with_json
@click.pass_obj
def start_verb(session: Session, deployment: str) -> None:
    """Start the app of DEPLOYMENT again."""
    _power(session, deployment, "start", wanted="running")


def _power(session: Session, deployment: str, verb: str, *, wanted: str) -> None:
    found = session.client().find(deployment)
    request = Request(
        "POST",
        f"/api/deployments/{found['id']}/{verb}",
        wanted=wanted,
        what=f"The {verb} of {_name(found)}",
        subject=found,
        body={},
    )
    carry_out(session, request, verbose=False, detach=False)


@click.command("destroy")
@click.argument("deployment")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_json
@click.pass_obj
def destroy_verb(session: Session, deployment: str, yes: bool) -> None:
    """Destroy DEPLOYMENT: its app, its guest and its data. There is no way back."""
    found = session.client().find(deployment)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("Nobody can be asked here; --yes destroys without asking.")
        if not click.confirm(f"Destroy {_name(found)} ({found['id']}) and its data?", err=True):
            raise CliFailure(INTERRUPTED, "Nothing was destroyed.")
    request = Request(
        "DELETE",
        f"/api/deployments/{found['id']}",
        wanted="deleted",
        what=f"The destruction of {_name(found)}",
        subject=found,
    )
    carry_out(session, request, verbose=False, detach=False)


def _name(deployment: Json) -> str:
    return neutral(str(deployment.get("name", deployment.get("id"))))
