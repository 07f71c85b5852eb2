"""Verbs that change a deployment which stands: stop, start, restart, shutdown, destroy."""

import click

from paas.cli.client import Json
from paas.cli.exits import INTERRUPTED, CliFailure
from paas.cli.session import Session, confirmed, with_json
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


@click.command("restart")
@click.argument("deployment")
@with_json
@click.pass_obj
def restart_verb(session: Session, deployment: str) -> None:
    """End the app of DEPLOYMENT and its guest, and start both."""
    _power(session, deployment, "restart", wanted="running")


@click.command("shutdown")
@click.argument("deployment")
@with_json
@click.pass_obj
def shutdown_verb(session: Session, deployment: str) -> None:
    """End the app of DEPLOYMENT like stop, but never by force."""
    _power(session, deployment, "shutdown", wanted="stopped")


def _power(session: Session, deployment: str, verb: str, *, wanted: str) -> None:
    found = session.client().find(deployment)
    request = Request(
        "POST",
        f"/api/deployments/{found['id']}/{verb}",
        wanted=wanted,
        what=f"The {verb} of {_name(found)}",
        subject=found,
        by_message=verb == "restart",
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
    if not yes and not confirmed(f"Destroy {_name(found)} ({found['id']}) and its data?"):
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
