"""Proxmox's own worker is killed with its task: what it left is freed by a key, or by a person.

Its create is hit together with the job that waits for it, so that whoever takes over finds a lock,
a disk and no rights.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from paas.settings import CHECKOUT
from tests.functional.running import until
from tests.lab import kill_platform, killing
from tests.lab.kill_platform import KillPlatform
from tests.lab.killing import MAKING, VICTIMS
from tests.lab.pretend_platform import NODE_PORT
from tests.lab.pve import LabPve
from tests.tools.test_ssh import Server, new_key

PROGRAMS = {"lxc": "pct", "vm": "qm"}


def free(pve: LabPve, command: str) -> None:
    """What the two commands do on a node."""
    number = int(command.split()[-1])
    if " unlock " in command:
        pve.on_loop(lambda: pve.unlock(number))
    else:
        pve.on_loop(lambda: pve.pools["paas"].add(number))


class Node:
    """A node's SSH server, whose key runs the script of docs/proxmox.md and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.key = new_key()
        self.pve: LabPve | None = None
        self.ran: list[str] = []
        self._folder = folder
        self._write_programs()
        self.server = Server(self.key)
        self.server.answer = self._answer

    def _write_programs(self) -> None:
        text = (CHECKOUT / "docs" / "proxmox.md").read_text()
        found = re.search(r"```sh\n(#!/bin/sh\n# Frees guests.*?)```", text, re.DOTALL)
        assert found is not None
        self._script = self._folder / "paas-free"
        self._script.write_text(found[1])
        for name in ("pct", "qm", "pvesh"):
            program = self._folder / name
            program.write_text(f'#!/bin/sh\necho "{name} $*"\n')
            program.chmod(0o755)

    def _answer(self, channel: paramiko.Channel, command: str) -> None:
        done = subprocess.run(
            ["/bin/sh", self._script],
            env={"PATH": f"{self._folder}:{os.defpath}", "SSH_ORIGINAL_COMMAND": command},
            capture_output=True,
            text=True,
        )
        if done.returncode == 0 and self.pve is not None:
            self.ran.append(done.stdout.strip())
            free(self.pve, done.stdout.strip())
        channel.send_exit_status(done.returncode)
        channel.close()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    yield made
    made.server.close()


def kill_with_their_tasks(platform: KillPlatform) -> dict[str, tuple[str, int]]:
    """Kill the jobs and, in Proxmox, the workers of a create and a clone: kind -> id and vmid."""
    begun = {}
    for kind, task in MAKING.items():
        platform.pve.faults.task_hang(task)
        app_id = platform.begin(kind)
        begun[kind] = (app_id, platform.hanging(task))
    killing.kill(platform, VICTIMS["horse"])
    for task in MAKING.values():
        platform.pve.faults.kill_task(task)
    return begun


def test_a_key_frees_what_a_killed_task_has_left(
    tmp_path: Path, provider_mirror: Path, node: Node
) -> None:
    key = tmp_path / "unlock"
    key.write_text(node.key)
    given = {"PAAS_PROXMOX_UNLOCK_KEY": str(key), NODE_PORT: str(node.server.port)}
    with kill_platform.running(provider_mirror, **given) as platform:
        node.pve = platform.pve
        begun = kill_with_their_tasks(platform)
        for app_id, _ in begun.values():
            platform.runs(app_id)
        platform.check()
        for kind, (_, vmid) in begun.items():
            assert f"{PROGRAMS[kind]} unlock {vmid}" in node.ran
        for app_id, _ in begun.values():
            platform.goes(app_id)
        platform.check()


def test_without_a_key_the_command_is_named_and_waited_for(provider_mirror: Path) -> None:
    with kill_platform.running(provider_mirror) as platform:
        begun = kill_with_their_tasks(platform)
        for kind, (app_id, vmid) in begun.items():
            lines = [f"{PROGRAMS[kind]} unlock {vmid}", f"pvesh set /pools/paas --vms {vmid}"]
            words = f"run `{' && '.join(lines)}` on node pve"
            until(lambda a=app_id, w=words: w in platform.sentence(a), words)
            for line in lines:
                free(platform.pve, line)
        for app_id, _ in begun.values():
            platform.runs(app_id)
        platform.check()
        for app_id, _ in begun.values():
            platform.goes(app_id)
        platform.check()
