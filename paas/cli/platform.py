"""Verbs that are the platform, or look at it from inside: they need its settings, not its URL."""

import click

from paas import logs
from paas.cli.exits import FAILED, OK
from paas.cli.session import Session, with_json
from paas.cli.text import neutral
from paas.settings import Settings


@click.command("doctor")
@with_json
@click.pass_obj
def doctor_verb(session: Session) -> int:
    """Check what the platform needs on this machine, and say what mends it."""
    from paas.services import doctor

    findings = doctor.examine(Settings.read())
    well = all(finding.ok for finding in findings)
    lines = []
    for one in findings:
        lines.append(f"{'ok  ' if one.ok else 'BAD '} {one.name}: {neutral(one.says)}")
        if one.mend:
            lines.append(f"     {'mend' if not one.ok else 'note'}: {neutral(one.mend)}")
    document = {
        "success": well,
        "findings": [
            {"name": one.name, "ok": one.ok, "says": one.says, "mend": one.mend} for one in findings
        ],
    }
    session.result(document, *lines)
    return OK if well else FAILED


@click.command("run")
def run_verb() -> int:
    """Start the platform here, in the foreground, until Ctrl-C."""
    from paas.running import run

    return run(Settings.read())


@click.command("demo")
@click.option("--once", is_flag=True, help="Destroy the app again and end.")
def demo_verb(once: bool) -> int:
    """Start the platform, deploy a bundled sample, and show where it answers."""
    from paas.running import demo

    return demo(Settings.read(), once=once)


def _logging(role: str) -> Settings:
    """The settings, with the process's records going to its standard error."""
    settings = Settings.read()
    logs.configure(role, settings.log_level)
    return settings


@click.command("worker")
def worker_verb() -> None:
    """Run one worker (part of `paas run`)."""
    from paas.jobs import work

    work(_logging("worker"))


@click.command("sweep")
def sweep_verb() -> None:
    """Run the sweeper (part of `paas run`)."""
    from paas.jobs import sweep

    sweep(_logging("sweeper"))


@click.command("migrate")
def migrate_verb() -> None:
    """Bring the database to this version's tables."""
    from paas.services import first_admin
    from paas.store.setup import prepare

    settings = Settings.read()
    prepare(settings)
    if settings.admin_password:
        first_admin.make(settings, settings.admin_password)
