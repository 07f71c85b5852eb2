"""Verbs about guests that no deployment speaks for: reconcile, adopt, remove."""

import click

from paas.cli.client import Client, Json
from paas.cli.exits import INTERRUPTED, REFUSED, CliFailure
from paas.cli.session import Session, confirmed, with_json
from paas.cli.text import neutral, table

HEADS = ("KIND", "VMID", "NODE", "NAME", "WHAT")

vmid_argument = click.argument("vmid", type=click.IntRange(100, 999_999_999))
endpoint_option = click.option(
    "--endpoint", help="Which of several clusters or hosts has the guest."
)


@click.command("reconcile")
@click.option("--dry-run", is_flag=True, help="Look only.")
@with_json
@click.pass_obj
def reconcile_verb(session: Session, dry_run: bool) -> None:
    """Compare the books with the guests that stand; remove what its row says must be gone."""
    answer = session.client().call("GET" if dry_run else "POST", "/api/reconcile")
    found = _guests(answer.document)
    rows = [
        [str(one.get(key) or "-") for key in ("kind", "vmid", "node", "name", "says")]
        for one in found
    ]
    lines = table(HEADS, rows) if rows else ["Every guest is on the books."]
    mends = list(dict.fromkeys(str(one["mend"]) for one in found if one.get("mend")))
    lines += [f"mend: {neutral(mend)}" for mend in mends]
    session.result({"success": True, "guests": found}, *lines)


@click.command("adopt")
@vmid_argument
@endpoint_option
@with_json
@click.pass_obj
def adopt_verb(session: Session, vmid: int, endpoint: str | None) -> None:
    """Make a deployment of guest VMID, which carries our marker and has none."""
    answer = session.client().call(
        "POST", f"/api/guests/{vmid}/adopt", body=_body(endpoint), timeout=300.0
    )
    adopted = answer.document.get("deployment")
    name = neutral(str(adopted.get("name") if isinstance(adopted, dict) else vmid))
    session.result(
        {"success": True, "deployment": adopted},
        f"Guest {vmid} is deployment {name} now; `paas redeploy {name}` brings a release into it.",
    )


@click.command("remove")
@vmid_argument
@endpoint_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_json
@click.pass_obj
def remove_verb(session: Session, vmid: int, endpoint: str | None, yes: bool) -> None:
    """Remove guest VMID, which carries our marker and has no deployment, with its data."""
    client = session.client()
    if not yes:
        one = _unknown(client, vmid, endpoint)
        place = f"{one.get('name')} on {one.get('node')} of {one.get('endpoint')}"
        question = (
            f"Remove guest {vmid} ({neutral(place)}) with its disks, its snapshots and all data "
            "in it? There is no way back."
        )
        if not confirmed(question):
            raise CliFailure(INTERRUPTED, "Nothing was removed.")
    answer = client.call("POST", f"/api/guests/{vmid}/remove", body=_body(endpoint), timeout=300.0)
    session.result(
        {"success": True, "guest": answer.document.get("guest")}, f"Guest {vmid} is gone."
    )


def _unknown(client: Client, vmid: int, endpoint: str | None) -> Json:
    """The guest as the platform reports it; CliFailure when it is not ours to remove."""
    found = [
        one
        for one in _guests(client.call("GET", "/api/reconcile").document)
        if one.get("vmid") == vmid and endpoint in (None, one.get("endpoint"))
    ]
    for one in found:
        if one.get("kind") == "unknown":
            return one
    says = " ".join(str(one.get("says", "")) for one in found)
    raise CliFailure(
        REFUSED,
        says or f"There is no guest {vmid} without a deployment.",
        "Only a guest of kind unknown can be removed; `paas destroy` is for deployments.",
    )


def _body(endpoint: str | None) -> Json:
    return {"endpoint": endpoint} if endpoint else {}


def _guests(document: Json) -> list[Json]:
    found = document.get("guests")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
