"""A connection that is opened before a play needs it; what opens it here is a script."""

from pathlib import Path

import pytest

from paas.targets.contract import Connection
from paas.tools.ansible import Playbook

from .support import bench, is_running, wait_for

PLAY = """
- hosts: guest
  gather_facts: false
  tasks:
    - ansible.builtin.raw: "true"
"""
# Who is asked to stay in the background waits for a file, and for longer than a play takes to its
# first call; a call notes whether that still waits.
SSH = """\
#!/bin/sh
cd {folder}
case " $* " in
    *" -N "*)
        echo "$@" >>met
        echo $$ >waiting
        until test -e {until}; do sleep 0.02; done
        sleep 2
        rm waiting
        exit {code} ;;
esac
test -e waiting && echo early >>calls || echo late >>calls
"""


# The last that is written before a play is let go.
VARIABLES = "work/env/extravars"


class Door:
    """A guest whose door is opened when there is a file; ``code`` is how the opening ends."""

    def __init__(self, folder: Path, until: str = VARIABLES, code: int = 0) -> None:
        self.folder = folder
        self.playbook = folder / "play.yml"
        self.playbook.write_text(PLAY)
        ssh = folder / "ssh"
        ssh.write_text(SSH.format(folder=folder, until=until, code=code))
        ssh.chmod(0o755)
        self.connection = self.to("10.0.0.20")

    def to(self, address: str) -> Connection:
        return Connection(
            variables={
                "ansible_connection": "ssh",
                "ansible_host": address,
                "ansible_user": "root",
                "ansible_ssh_executable": str(self.folder / "ssh"),
                "ansible_ssh_private_key_file": "{folder}/key",
                "ansible_ssh_common_args": "-F none -o HostKeyAlias=guest-1",
                "ansible_control_path": "control/guest-1",
            },
            files={"key": "SECRET"},
        )

    def start(self) -> Playbook:
        return Playbook.start_early(bench(), self.folder / "work", playbook=self.playbook)

    def lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("code", [0, 255], ids=["opened", "refused"])
def test_a_play_waits_for_the_connection_that_was_begun_before_it(
    tmp_path: Path, code: int
) -> None:
    door = Door(tmp_path, code=code)
    playbook = door.start()
    for _ in range(2):
        playbook.meet(door.connection)
    wait_for(lambda: door.lines("waiting"), "the connection to be begun")
    playbook.run({}, door.connection)
    assert set(door.lines("calls")) == {"late"}
    [argv] = door.lines("met")
    key = tmp_path / "work" / "key"
    assert argv.startswith(f"-N -f -i {key} -F none -o HostKeyAlias=guest-1 ")
    assert "-o ControlMaster=yes" in argv
    assert "-o ControlPath=control/guest-1" in argv
    assert argv.endswith("-- 10.0.0.20")


def test_a_connection_that_is_begun_to_elsewhere_is_begun_again(tmp_path: Path) -> None:
    door = Door(tmp_path, until="play.yml")
    playbook = door.start()
    playbook.meet(door.to("10.0.0.99"))
    playbook.meet(door.connection)
    playbook.run({}, door.connection)
    assert [argv.rpartition(" ")[2] for argv in door.lines("met")] == ["10.0.0.99", "10.0.0.20"]


def test_a_connection_that_takes_long_is_given_up(tmp_path: Path) -> None:
    door = Door(tmp_path, until="never")
    playbook = door.start()
    playbook.meet(door.connection)
    wait_for(lambda: door.lines("waiting"), "the connection to be begun")
    pid = int(door.lines("waiting")[0])
    playbook.run({}, door.connection)
    assert set(door.lines("calls")) == {"early"}
    assert not is_running(pid)


def test_a_connection_for_a_play_that_never_comes_is_given_up(tmp_path: Path) -> None:
    door = Door(tmp_path)
    playbook = door.start()
    playbook.meet(door.connection)
    wait_for(lambda: door.lines("waiting"), "the connection to be begun")
    pid = int(door.lines("waiting")[0])
    playbook.discard()
    assert not is_running(pid)
    assert not (tmp_path / "work").exists()


def test_nothing_is_opened_to_a_guest_of_this_machine(tmp_path: Path) -> None:
    door = Door(tmp_path)
    playbook = door.start()
    local = {**door.connection.variables, "ansible_connection": "local"}
    playbook.meet(Connection(local))
    playbook.run({}, Connection(local))
    assert door.lines("met") == []
