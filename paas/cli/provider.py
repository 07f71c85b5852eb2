"""Verbs about Terraform's providers: they need the platform's settings, not its URL."""

import click

from paas.cli.session import Session, with_json
from paas.settings import Settings


@click.group("provider")
def provider_verb() -> None:
    """Look after the provider that Terraform makes guests of Proxmox with."""


@provider_verb.command("upgrade")
@with_json
@click.pass_obj
def upgrade_provider(session: Session) -> None:
    """Lock the installation to the build of the provider that there is now."""
    from paas.services import provider

    found = provider.upgrade(Settings.read())
    lines = [
        f"{one.provider.source} {one.provider.version}: "
        f"{'locked to the build that there is now' if one.changed else 'the same build as before'}"
        for one in found
    ]
    document = [
        {"source": o.provider.source, "version": o.provider.version, "changed": o.changed}
        for o in found
    ]
    session.result({"success": True, "providers": document}, *lines)
