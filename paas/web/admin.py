"""The platform for its administrators: figures, and the nodes that guests live on."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from paas.api.loading import check
from paas.api.paas.schemas.workers import WorkerBody
from paas.domain.errors import Conflict, Invalid, StepFailed, StepInterrupted, Unavailable
from paas.services import nodes, overview
from paas.web.access import actor, platform
from paas.web.typed import Typed, number, read

bp = Blueprint("admin", __name__, url_prefix="/admin")

FIELDS = ("name", "ip_address", "ssh_port", "ssh_user", "ssh_host_key", "fingerprint")
SECRETS = ("ssh_key", "api_token", "ca")
AWAY = (Conflict, Unavailable, StepFailed, StepInterrupted)


@bp.get("")
def index() -> ResponseReturnValue:
    """Figures and nodes."""
    return _page(Typed({"ssh_port": "22", "ssh_user": "root"}))


@bp.post("/nodes")
def add_node() -> ResponseReturnValue:
    """Let guests be made on a node."""
    form = read((*FIELDS, "auto_provision"))
    try:
        added = nodes.add(platform(), actor(), check(WorkerBody(), _body(form)))
    except Invalid as broken:
        return _page(form.refused(broken.errors)), 400
    except AWAY as error:
        return _page(form.refused([error.message])), 409
    flash(" ".join([f"{added.node.name} is added.", *added.notes]))
    return _back()


@bp.post("/nodes/<node_id>/remove")
def remove_node(node_id: str) -> ResponseReturnValue:
    """Let a node go, or drain it first."""
    flash(f"{nodes.remove(platform(), actor(), node_id).message}.")
    return _back()


@bp.post("/cluster")
def connect() -> ResponseReturnValue:
    """Look at the cluster of the settings and register its nodes."""
    try:
        found = nodes.swarm_init(platform(), actor())
        flash(f"The cluster at {found.manager_ip} is connected.")
    except AWAY as error:
        flash(error.message, "error")
    return _back()


def _body(form: Typed) -> dict[str, object]:
    """The body of the API for what was typed; blanks are left out."""
    texts = {name: form.get(name) for name in FIELDS if form.get(name)}
    port = {"ssh_port": number(texts.pop("ssh_port"))} if "ssh_port" in texts else {}
    # A key in PEM ends with a newline; browsers send two characters for each.
    secrets = {name: request.form.get(name, "").replace("\r\n", "\n") for name in SECRETS}
    given = {name: text for name, text in secrets.items() if text.strip()}
    return {**texts, **port, **given, "auto_provision": bool(form.get("auto_provision"))}


def _page(form: Typed) -> str:
    return render_template(
        "web/admin.html",
        figures=overview.overview(platform(), actor()),
        nodes=nodes.listing(platform(), actor()),
        form=form,
        names=(*FIELDS, *SECRETS),
        clustered=platform().settings.target != "local",
    )


def _back() -> Response:
    return redirect(url_for("web.admin.index"), code=303)
