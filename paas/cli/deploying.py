"""Verbs that bring code live: deploy and redeploy."""

import uuid

import click

from paas.cli.client import Json
from paas.cli.session import Session, with_json
from paas.cli.text import neutral
from paas.cli.work import Request, carry_out

verbose_option = click.option("-v", "--verbose", is_flag=True, help="Show every line of the log.")
detach_option = click.option(
    "--detach", is_flag=True, help="Return as soon as the platform has accepted it."
)


@click.command("deploy")
@click.argument("repository", metavar="URL")
@click.option("--name", required=True, help="3-50 letters, digits, - and _.")
@click.option("--framework", required=True, help="What it is: flask, express, ...")
@click.option(
    "--type", "guest", type=click.Choice(["lxc", "vm"]), default="lxc", show_default=True,
    help="A container or a virtual machine.",
)  # fmt: skip
@click.option("--cores", type=int, help="How many cores; else the framework's default.")
@click.option("--memory", type=int, help="Memory in MB; else the framework's default.")
@click.option("--disk", type=int, help="Disk in GB; else the framework's default.")
@click.option("--branch", help="The branch to follow; else the repository's own.")
@click.option("--ref", help="A tag or commit to deploy now.")
@click.option("--env", "environment", multiple=True, metavar="KEY=VALUE", help="May be repeated.")
@click.option("--start", "start_command", help="The command that starts the app.")
@click.option("--health-path", help="The path that must answer below 500; else /.")
@click.option("--port", type=int, help="The app's public port; else the framework's.")
@detach_option
@verbose_option
@with_json
@click.pass_obj
def deploy_verb(
    session: Session,
    repository: str,
    name: str,
    framework: str,
    guest: str,
    cores: int | None,
    memory: int | None,
    disk: int | None,
    branch: str | None,
    ref: str | None,
    environment: tuple[str, ...],
    start_command: str | None,
    health_path: str | None,
    port: int | None,
    detach: bool,
    verbose: bool,
) -> None:
    """Deploy the repository at URL as a new app and follow it until it runs."""
    resources = _given({"cores": cores, "memory": memory, "disk": disk})
    body: Json = {
        "name": name,
        "deployment_type": guest,
        "framework": framework,
        "github_url": repository,
    }
    optional: Json = {
        "resources": resources or None,
        "branch": branch,
        "ref": ref,
        "environment": _pairs(environment) or None,
        "start_command": start_command,
        "health_path": health_path,
        "port": port,
    }
    request = Request(
        "POST",
        "/api/deploy",
        wanted="running",
        what=f"The deployment of {neutral(name)}",
        body=body | _given(optional),
        headers={"Idempotency-Key": str(uuid.uuid4())},
    )
    carry_out(session, request, verbose=verbose, detach=detach)


def _given(values: Json) -> Json:
    return {key: value for key, value in values.items() if value is not None}


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{text!r} is not KEY=VALUE.", param_hint="--env")
        pairs[key] = value
    return pairs


@click.command("redeploy")
@click.argument("deployment")
@click.option("--ref", help="A branch, tag or commit; else the newest commit of its branch.")
@detach_option
@verbose_option
@with_json
@click.pass_obj
def redeploy_verb(
    session: Session, deployment: str, ref: str | None, detach: bool, verbose: bool
) -> None:
    """Bring a newer commit of DEPLOYMENT live; the old release serves until then."""
    found = session.client().find(deployment)
    request = Request(
        "POST",
        f"/api/deployments/{found['id']}/redeploy",
        wanted="running",
        what=f"The redeploy of {neutral(str(found.get('name')))}",
        subject=found,
        by_message=True,
        body={"ref": ref} if ref else {},
    )
    carry_out(session, request, verbose=verbose, detach=detach)
