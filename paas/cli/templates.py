"""Verbs about templates: they need the platform's settings, not its URL."""

from dataclasses import asdict

import click

from paas.cli.session import Session, say, with_json
from paas.cli.text import neutral, table
from paas.settings import Settings

HEADS = ("TYPE", "TEMPLATE", "NAME", "NODE", "STORAGE", "MB", "SET")


@click.group("templates")
def templates_verb() -> None:
    """List and build the templates that Proxmox's guests are made from."""


@templates_verb.command("list")
@with_json
@click.pass_obj
def list_templates(session: Session) -> None:
    """Show what each node offers, and which of it is set."""
    from paas.services import templates

    settings = Settings.read()
    found = templates.listing(settings)
    rows = [
        [
            *(one.kind, one.value, one.title, one.node, one.storage or "-", str(one.size_mb)),
            "yes" if one.is_set else "",
        ]
        for one in found
    ]
    lines = table(HEADS, rows) if rows else ["There are no templates; docs/proxmox.md has how."]
    for setting in sorted({one.setting for one in found if not _is_set(settings, one.setting)}):
        lines.append(neutral(f"{setting} is not set: set it to one of the above."))
    session.result({"success": True, "templates": [asdict(one) for one in found]}, *lines)


@templates_verb.command("build")
@click.argument("kind", type=click.Choice(["lxc", "vm"]))
@click.option(
    "--runtimes",
    default="python,node,php",
    show_default=True,
    help="Languages to have in it, with commas between: python, node, php, go, static.",
)
@click.option("--base", default="", help="The template to begin with; else the one that is set.")
@with_json
@click.pass_obj
def build_template(session: Session, kind: str, runtimes: str, base: str) -> None:
    """Make a new template with languages in it, so that deployments need not install them."""
    from paas.domain.states import GuestType
    from paas.engine.assembly import build
    from paas.services import template_building
    from paas.services.templates import expect_proxmox
    from paas.store import setup

    settings = Settings.read()
    expect_proxmox(settings)
    setup.prepare(settings)
    languages = [name.strip() for name in runtimes.split(",") if name.strip()]
    platform = build(settings)
    try:
        made = template_building.build(platform, GuestType(kind), languages, base, say)
    finally:
        platform.store.close()
    session.result(
        {"success": True, "template": asdict(made)},
        neutral(
            f"The template {made.value} is on {', '.join(made.nodes)}. New guests have it with"
        ),
        neutral(f"{made.setting}={made.value}"),
    )


def _is_set(settings: Settings, setting: str) -> bool:
    return bool(getattr(settings, setting.removeprefix("PAAS_").lower()))
