"""The systemd units of a guest, and asking systemd about them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from paas.targets.local.sandbox.layout import GuestError

from . import files, places

FRONT = "paas-front.service"
WORK = "paas-work.service"
NAMESPACE_FAILED = 226
WANTS = "multi-user.target.wants"

APP_UNIT = """\
[Unit]
Description=Release %i of the app
After=network.target
StartLimitIntervalSec=0

[Service]
Type=exec
User=app
Group=app
ExecStart=/usr/bin/python3 -I -S {program} run %i
SyslogIdentifier=app
RuntimeDirectory=paas-app-%i
RuntimeDirectoryMode=0700
Restart=always
RestartSec=1
TimeoutStopSec=10
OOMPolicy=continue
OOMScoreAdjust=300
MemoryMax=90%
TasksMax=4096
LimitNOFILE=65536
LimitCORE=0
NoNewPrivileges=yes
CapabilityBoundingSet=
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native
{sandbox}"""

# Where a container may not mount, systemd cannot hide files, and the app runs without this part.
SANDBOX = """\
ProtectSystem=strict
ReadWritePaths={home}/data {home}/cache {home}/tmp
ProtectHome=yes
PrivateTmp=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
"""

# From systemd 254 on, the pauses between restarts can grow.
GROWING = """\
RestartSteps=8
RestartMaxDelaySec=60
"""

FRONT_UNIT = """\
[Unit]
Description=The app's public port
After=network.target
StartLimitIntervalSec=0

[Service]
Type=notify
User=paas-front
Group=paas-front
ExecStart=/usr/bin/python3 -I -S {program} front
Restart=always
RestartSec=1
LimitNOFILE=65536
NoNewPrivileges=yes
CapabilityBoundingSet=
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
"""

WORK_UNIT = """\
[Unit]
Description=The platform's work on this guest
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=/usr/bin/python3 -I -S {program} work
MemoryMax=90%
TasksMax=4096
OOMPolicy=continue
"""

DRAIN_UNIT = """\
[Unit]
Description=The end of release %i
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I -S {program} drain %i
"""


def texts(*, sandboxed: bool) -> dict[str, str]:
    """Every unit's text by its file's name."""
    sandbox = SANDBOX.format(home=places.HOME) if sandboxed else ""
    sandbox += GROWING if version() >= 254 else ""
    known = {"program": places.program(), "sandbox": sandbox}
    return {
        "paas-app@.service": APP_UNIT.format(**known),
        FRONT: FRONT_UNIT.format(**known),
        WORK: WORK_UNIT.format(**known),
        "paas-drain@.service": DRAIN_UNIT.format(**known),
    }


def install() -> bool:
    """Write the units, as far as this machine can have them; whether any is new to systemd."""
    wanted = texts(sandboxed=not places.bare_file().exists())
    written = [files.write(places.UNITS / name, text) for name, text in wanted.items()]
    if any(written):
        control("daemon-reload")
    return any(written)


def app(number: int) -> str:
    """The unit of a release."""
    return f"paas-app@{number}.service"


def drain(number: int) -> str:
    """The unit that ends a release when its last connection has ended."""
    return f"paas-drain@{number}.service"


def control(*words: str) -> str:
    """Run systemctl; its output, or its complaint as ``GuestError``."""
    done = subprocess.run(
        ["systemctl", "--no-ask-password", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise GuestError(f"systemctl {' '.join(words)} failed: {said}")
    return done.stdout


def version() -> int:
    """The version of systemd, such as 252."""
    first = control("--version").split()
    return int("".join(c for c in first[1] if c.isdigit()) or 0) if len(first) > 1 else 0


def show(unit: str) -> dict[str, str]:
    """What systemd says of a unit; one that nobody knows is inactive."""
    return show_each(unit)[0]


def show_each(*units: str) -> list[dict[str, str]]:
    """The same of several at once: each question takes as long as a step of Python."""
    names = "ActiveState,SubState,MainPID,NRestarts,Result,ExecMainStatus,Job"
    said = control("show", "--property", names, "--", *units).strip("\n").split("\n\n")
    return [dict(line.partition("=")[::2] for line in one.splitlines()) for one in said]


def is_over(shown: dict[str, str]) -> bool:
    """Whether a unit neither runs nor is about to, by what was shown of it."""
    is_still = shown.get("ActiveState") in ("inactive", "failed")
    return is_still and shown.get("Job", "") in ("", "0")


def is_active(unit: str) -> bool:
    """Whether the unit runs right now, and is not merely about to."""
    return show(unit).get("ActiveState") == "active"


def running_apps() -> list[int]:
    """The releases that run, or are about to once more."""
    words = ("--plain", "--no-legend", "--state=active,activating", "--", "paas-app@*.service")
    names = [line.split()[0] for line in control("list-units", *words).splitlines() if line.strip()]
    return sorted(int(name.partition("@")[2].removesuffix(".service")) for name in names)


def start_app(number: int) -> None:
    """Start a release; without the part of its sandbox that this guest cannot have."""
    try:
        control("start", "--", app(number))
    except GuestError:
        if show(app(number)).get("ExecMainStatus") != str(NAMESPACE_FAILED):
            raise
        control("stop", "--", app(number))
        # Kept for the next set-up, which would bring the failing part back.
        places.bare_file().touch()
        install()
        control("start", "--", app(number))


def link_boot(*names: str) -> None:
    """Let exactly these units of ours start with the machine.

    Links in place of ``systemctl enable``, which makes systemd read everything again.
    """
    folder = places.UNITS / WANTS
    folder.mkdir(exist_ok=True)
    for link in folder.glob("paas-*.service"):
        if link.name not in names:
            link.unlink()
    for name in names:
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(places.UNITS / _template(name))


def _template(name: str) -> str:
    begin, _, end = name.partition("@")
    return f"{begin}@.service" if end else name


def processes_of(unit: str) -> Iterator[int]:
    """The processes that systemd keeps in a unit, however they were started."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and unit in _unit_parts(entry / "cgroup"):
            yield int(entry.name)


def _unit_parts(file: Path) -> set[str]:
    try:
        return {part for line in file.read_text().splitlines() for part in line.split("/")}
    except OSError:
        return set()
