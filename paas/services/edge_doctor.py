"""What the edge needs on this machine."""

import os
from collections.abc import Iterator
from pathlib import Path

from paas.domain.errors import Unavailable
from paas.services.findings import Finding
from paas.settings import Settings, environment
from paas.tools.edge import caddy

# Caddy opens its port anew at each change; the kernel then hands over who waits there, or not.
HANDS_OVER = Path("/proc/sys/net/ipv4/tcp_migrate_req")
HINT = (
    " At each change of its routes a connection that it has not taken yet can be reset: "
    "`sysctl net.ipv4.tcp_migrate_req=1` spares them."
)


def examine(settings: Settings) -> Iterator[Finding]:
    """Whether apps can be led to by their names."""
    if settings.edge == "off":
        yield Finding("edge", True, "None (PAAS_EDGE=off): guests are reached at their addresses.")
    elif settings.edge_admin:
        yield _running(settings.edge_admin)
    elif program := caddy.find(environment().get("PATH", os.defpath)):
        yield Finding("edge", True, _with(program, settings))
    elif settings.edge == "caddy":
        says = "PAAS_EDGE=caddy, but there is no program caddy."
        yield Finding("edge", False, says, "apt install caddy")
    else:
        yield Finding("edge", True, "The platform's own: there is no Caddy on this machine.")


def _running(address: str) -> Finding:
    try:
        answer = caddy.Admin(address).ask("GET", "/config/")
    except Unavailable as error:
        mend = "Start that Caddy, or unset PAAS_EDGE_ADMIN."
        return Finding("edge", False, f"{error}.", mend)
    is_well = answer.status == 200
    says = f"Caddy's admin API at {address} answers {answer.status}."
    return Finding("edge", is_well, says, "" if is_well else "Look into that Caddy's log.")


def _with(program: str, settings: Settings) -> str:
    if settings.edge == "local":
        return f"The platform's own, though there is Caddy at {program}."
    try:
        hands_over = HANDS_OVER.read_text().strip() == "1"
    except OSError:
        hands_over = False
    return f"Caddy at {program}." + ("" if hands_over else HINT)
