"""Plans, as administrators make and change them."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from paas.api.loading import check
from paas.api.paas.schemas.commerce import PlanBody, PlanChangeBody
from paas.domain.commerce import PlanView
from paas.domain.errors import Invalid, NotFound
from paas.services import plans
from paas.web import form as lines
from paas.web.access import actor, platform
from paas.web.typed import Typed, number, read

bp = Blueprint("plans", __name__, url_prefix="/admin/plans")

NUMBERS = ("cpu_cores", "ram_mb", "disk_gb", "max_replicas", "price_per_hour", "price_per_month")
FIELDS = ("name", "slug", *NUMBERS, "features", "nodes", "storage", "bridge", "vlan")
NEW = Typed({"max_replicas": "1", "is_active": "yes"})


@bp.get("")
def index() -> ResponseReturnValue:
    """All plans."""
    return render_template("web/plans.html", plans=plans.everything(platform(), actor()))


@bp.get("/new")
def new() -> ResponseReturnValue:
    """The form for another plan."""
    plans.everything(platform(), actor())
    return _form(NEW)


@bp.post("/new")
def create() -> ResponseReturnValue:
    """Offer a plan."""
    form = read((*FIELDS, "is_active"))
    try:
        made = plans.create(platform(), actor(), check(PlanBody(), _body(form)))
    except Invalid as broken:
        return _form(form.refused(broken.errors)), 400
    flash(f"The plan {made.name} is made.")
    return _back()


@bp.get("/<plan_id>")
def edit(plan_id: str) -> ResponseReturnValue:
    """The form of a plan."""
    return _form(_filled(_plan(plan_id)), plan_id)


@bp.post("/<plan_id>")
def update(plan_id: str) -> ResponseReturnValue:
    """Change a plan."""
    form = read((*FIELDS, "is_active"))
    try:
        body = check(PlanChangeBody(), {"price_per_month": None, **_body(form)})
        plan = plans.update(platform(), actor(), plan_id, body)
    except Invalid as broken:
        return _form(form.refused(broken.errors), plan_id), 400
    flash(f"The plan {plan.name} is changed. Apps have it from their next deployment on.")
    return _back()


@bp.post("/<plan_id>/delete")
def delete(plan_id: str) -> ResponseReturnValue:
    """Remove a plan, or take it from the offer."""
    removal = plans.delete(platform(), actor(), plan_id)
    became = "removed" if removal.is_gone else "offered no more; apps that have it keep it"
    flash(f"The plan {removal.plan.name} is {became}.")
    return _back()


def _plan(plan_id: str) -> PlanView:
    found = [one for one in plans.everything(platform(), actor()) if one.id == plan_id]
    if not found:
        raise NotFound("There is no such plan")
    return found[0]


def _body(form: Typed) -> dict[str, object]:
    """The body of the API for what was typed: numbers left blank are left out."""
    body: dict[str, object] = {"name": form.get("name"), "slug": form.get("slug")}
    body |= {name: number(form.get(name)) for name in NUMBERS if form.get(name)}
    placement: dict[str, object] = {
        name: form.get(name) for name in ("storage", "bridge") if form.get(name)
    }
    if form.get("nodes"):
        placement["nodes"] = form.get("nodes").replace(",", " ").split()
    if form.get("vlan"):
        placement["vlan"] = number(form.get("vlan"))
    body["features"] = _features(form.get("features"))
    return {**body, "placement": placement, "is_active": bool(form.get("is_active"))}


def _features(text: str) -> dict[str, object]:
    """``name=value`` lines; yes, no and numbers are what they say."""
    try:
        given = lines.environment(text)
    except Invalid as broken:
        raise Invalid([one.replace("environment", "features") for one in broken.errors]) from None
    words = {"yes": True, "true": True, "no": False, "false": False}
    return {name: words.get(value.lower(), number(value)) for name, value in given.items()}


def _filled(plan: PlanView) -> Typed:
    values = {name: _text(getattr(plan, name)) for name in ("name", "slug", *NUMBERS)}
    features = "\n".join(f"{name}={_text(value)}" for name, value in plan.features.items())
    return Typed(
        {
            **values,
            **_placed(plan.placement),
            "features": features,
            "is_active": "yes" if plan.is_active else "",
        }
    )


def _placed(placement: Mapping[str, object]) -> dict[str, str]:
    nodes = placement.get("nodes")
    found = {name: _text(placement.get(name)) for name in ("storage", "bridge", "vlan")}
    return {**found, "nodes": ", ".join(nodes) if isinstance(nodes, list) else ""}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:f}" if hasattr(value, "quantize") else f"{value}"


def _form(form: Typed, plan_id: str | None = None) -> str:
    return render_template("web/plan.html", form=form, names=FIELDS, plan_id=plan_id)


def _back() -> Response:
    return redirect(url_for("web.plans.index"), code=303)
