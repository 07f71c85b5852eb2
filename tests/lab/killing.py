"""Whom one can kill of a platform that works for guests of Proxmox, and when."""

import os
import signal
from collections.abc import Callable, Mapping

from tests.functional.running import Running, comm, parent, until
from tests.lab.pve import LabPve
from tests.lab.pve_rules import TASKS

MAKING = {"lxc": "create", "vm": "clone"}
# Seconds until a task begins on a machine that does much else.
PATIENCE = 240.0

Victims = Callable[[Running], list[int]]


def terraform(running: Running) -> list[int]:
    """Terraform itself."""
    return _called(running, lambda name: name == "terraform")


def provider(running: Running) -> list[int]:
    """The provider, a child of Terraform that has outlived it before."""
    return _called(running, lambda name: name.startswith("terraform-pro"))


def guard(running: Running) -> list[int]:
    """The guards of Terraform."""
    return [
        pid for pid, line in running.processes() if "guard.py " in line and "/terraform " in line
    ]


def ansible(running: Running) -> list[int]:
    """All of Ansible, without its guard and its connections."""
    found = running.processes()
    names = ("ansible-runner ", "ansible-playbook ")
    return [pid for pid, line in found if line.startswith(names)]


def ssh(running: Running) -> list[int]:
    """Ansible's connections to guests."""
    return _called(running, lambda name: name == "ssh")


def worker(running: Running) -> list[int]:
    """The parents of the jobs; these are asked to die with them."""
    named = _called(running, lambda name: name.startswith("paas-worker"))
    return [pid for pid in named if parent(pid) not in named]


def horse(running: Running) -> list[int]:
    """The jobs, which the workers fork."""
    workers = worker(running)
    return [pid for pid, _ in running.processes() if parent(pid) in workers]


def everything(running: Running) -> list[int]:
    """The manager, whose children die with it."""
    return [running.process.pid] if running.process else []


VICTIMS: Mapping[str, Victims] = {
    "terraform": terraform,
    "provider": provider,
    "guard": guard,
    "horse": horse,
    "worker": worker,
    "everything": everything,
}
INSIDE: Mapping[str, Victims] = {"ansible": ansible, "ssh": ssh, "horse": horse}


def _called(running: Running, is_wanted: Callable[[str], bool]) -> list[int]:
    return [pid for pid, _ in running.processes() if is_wanted(comm(pid))]


def kill(running: Running, who: Victims) -> None:
    """SIGKILL all of a kind, once there are any; everything is started again."""
    victims = until(lambda: who(running), "a process to kill", 30)
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    if running.process and running.process.pid in victims:
        running.process.wait(30)
        running.start()


def hanging(pve: LabPve, task: str, count: int = 1) -> int:
    """Wait until so many tasks of a kind hang; the vmid of the last one's guest."""

    def found() -> list[int]:
        return [w.guest.vmid for w in pve.works.values() if w.kind in TASKS[task] and w.inner]

    def enough() -> list[int]:
        vmids: list[int] = pve.on_loop(found)
        return vmids if len(vmids) >= count else []

    vmids: list[int] = until(enough, f"{count} x {task} in Proxmox", PATIENCE)
    pve.faults.wait_hanging(task)
    return vmids[-1]
