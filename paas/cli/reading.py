"""Verbs that look: list, show, terraform."""

import os
import sys
from pathlib import Path

import click

from paas.cli.client import Answer, Client, Json, failure_of
from paas.cli.exits import FAILED, CliFailure
from paas.cli.session import Session, with_json
from paas.cli.text import age, neutral, table
from paas.domain.states import AppState

STATES = [state.value for state in AppState if state is not AppState.DELETED]


@click.command("list")
@click.option("--status", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--search", help="Only those whose name contains this.")
@with_json
@click.pass_obj
def list_verb(session: Session, status: str | None, search: str | None) -> None:
    """List the deployments, newest first."""
    query = {k: v for k, v in (("status", status), ("search", search)) if v}
    found = list(session.client().every(query))
    heads = ("NAME", "STATUS", "FRAMEWORK", "TYPE", "ADDRESS", "AGE", "ID")
    lines = table(heads, [_row(one) for one in found]) if found else ["There are no deployments."]
    session.result({"success": True, "deployments": found}, *lines)


def _row(deployment: Json) -> list[str]:
    address = deployment.get("access_url") or deployment.get("ip_address") or "-"
    keys = ("name", "status", "framework", "deployment_type")
    shown = [str(deployment.get(key) or "-") for key in keys]
    born = deployment.get("created_at")
    return [*shown, str(address), age(str(born) if born else None), str(deployment.get("id"))]


@click.command("show")
@click.argument("deployment")
@with_json
@click.pass_obj
def show_verb(session: Session, deployment: str) -> None:
    """Show all that is known of DEPLOYMENT (an id or a name)."""
    found = session.client().find(deployment)
    session.result({"success": True, "deployment": found}, *_facts(found))


def _facts(deployment: Json) -> list[str]:
    flat: dict[str, object] = {}
    for key, value in deployment.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": one for inner, one in value.items()}
        else:
            flat[key] = value
    shown = {neutral(key): neutral(_word(value)) for key, value in flat.items()}
    width = max((len(key) for key in shown), default=0)
    return [f"{key:<{width}}  {value}" for key, value in shown.items()]


def _word(value: object) -> str:
    return "-" if value is None else str(value)


@click.command("terraform")
@click.argument("deployment")
@click.option(
    "-o", "--output", required=True, help="The zip file to write, or - for stdout.", metavar="FILE"
)
@click.pass_obj
def terraform_verb(session: Session, deployment: str, output: str) -> None:
    """Download the Terraform configuration, values and state of DEPLOYMENT."""
    client = session.client()
    answer = _fetch_zip(client, str(client.find(deployment)["id"]))
    if output == "-":
        sys.stdout.buffer.write(answer.body)
        return
    _write_private(Path(output), answer.body)
    click.echo(
        f"{neutral(output)} has the configuration, values and state; its README says how on."
    )


def _fetch_zip(client: Client, app_id: str) -> Answer:
    answer = client.ask("GET", f"/api/deployments/{app_id}/terraform")
    if answer.status != 200:
        raise failure_of(answer)
    return answer


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that only this user can read: a state may hold secrets."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise CliFailure(FAILED, f"{path} cannot be written: {error.strerror}.") from error
