"""The verb that says how guests differ from what the platform made, and answers that."""

from collections.abc import Iterable

import click

from paas.cli.client import Client, Json, failure_of
from paas.cli.exits import UNREACHABLE, CliFailure
from paas.cli.session import Session, with_json
from paas.cli.text import neutral, table
from paas.cli.work import Request, carry_out

HEADS = ("NAME", "VMID", "NODE", "WHAT", "SHOULD BE", "IS")


@click.command("drift")
@click.argument("deployment", required=False)
@click.option("--adopt", "answer", flag_value="adopt", help="Take the guest as it is now.")
@click.option("--repair", "answer", flag_value="repair", help="Bring the guest back.")
@with_json
@click.pass_obj
def drift_verb(session: Session, deployment: str | None, answer: str | None) -> None:
    """Say how the guest of DEPLOYMENT, or every guest, differs from what was made."""
    client = session.client()
    if answer and deployment is None:
        raise click.UsageError(f"Name the deployment that --{answer} is for.")
    if answer and deployment:
        _answer(session, client.find(deployment), answer)
        return
    found = [client.find(deployment)] if deployment else client.every({})
    _show(session, client, found)


def _answer(session: Session, deployment: Json, answer: str) -> None:
    name = neutral(str(deployment.get("name")))
    what = {"adopt": f"Taking the guest of {name} as it is", "repair": f"The repair of {name}"}
    request = Request(
        "POST",
        f"/api/deployments/{deployment['id']}/drift",
        wanted=("running", "stopped"),
        what=what[answer],
        subject=deployment,
        by_message=True,
        # A guest that is gone is taken as gone: the deployment has failed, and waits for another.
        accepted="failed" if answer == "adopt" else "",
        body={"answer": answer},
    )
    carry_out(session, request, verbose=False, detach=False)


def _show(session: Session, client: Client, deployments: Iterable[Json]) -> None:
    """Print what differs; raises CliFailure when a guest cannot be looked at now."""
    looks = [_look(client, one) for one in deployments]
    rows = [row for look in looks for row in _rows(look)]
    away = [f"{look['name']}: {look['error']}" for look in looks if "error" in look]
    lines = table(HEADS, rows) if rows else []
    if away:
        if not session.json:
            session.result({}, *lines)
        raise CliFailure(UNREACHABLE, *away, document={"deployments": looks})
    session.result({"success": True, "deployments": looks}, *(lines or ["Nothing differs."]))


def _look(client: Client, deployment: Json) -> Json:
    """The deployment's drift, or ``error`` when it cannot be told now."""
    found: Json = {"id": deployment.get("id"), "name": deployment.get("name")}
    if deployment.get("vm_id") is None:
        # Nothing was made yet, so nothing can differ.
        return found | {"drift": None}
    answer = client.ask("GET", f"/api/deployments/{deployment['id']}/drift")
    if answer.status == 200:
        return found | {"drift": answer.document.get("drift")}
    if answer.status in (404, 409):
        # It was deleted since it was listed.
        return found | {"drift": None}
    if answer.status != 503:
        raise failure_of(answer)
    return found | {"error": str(answer.document.get("error", "It does not answer."))}


def _rows(looked: Json) -> list[list[str]]:
    drift = looked.get("drift")
    if not isinstance(drift, dict):
        return []
    place = [str(looked["name"]), str(drift.get("vmid")), str(drift.get("node"))]
    return [
        [*place, *(str(one.get(key)) for key in ("name", "wanted", "found"))]
        for one in drift.get("differences", [])
    ]
