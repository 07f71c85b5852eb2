"""A file on its way into a guest by Ansible's own programs, which are killed in the middle of it.

The connection's programs are scripts of this machine, and so is the guest; Ansible is the real one.
"""

import json
import os
import sys
from pathlib import Path

import pytest

from paas.domain.errors import StepFailed, Unreachable
from paas.settings import CHECKOUT
from paas.targets.contract import Connection
from paas.tools.ansible import Playbook
from tests.tools.support import bench

# Every way that Ansible knows to send a file ends at this program, or at dd behind the other one.
KILLED = "#!/bin/sh\nkill -9 $$\n"
SSH = """\
#!/bin/sh
for last; do :; done
case "$last" in *"dd of="*) {ending} ;; esac
exec sh -c "$last"
"""
GUEST = """\
import json, os, sys
request = json.load(sys.stdin)
there = os.path.exists("{place}") and os.path.getsize("{place}") == request["sizes"]["archive"]
print(json.dumps({{}} if there else {{"needs": {{"archive": "{place}"}}}}))
"""


class Sending:
    """One play that sends a file into the guest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = folder / "arrived"
        self.file = folder / "archive"
        self.file.write_bytes(os.urandom(1000))
        self.guest = folder / "guest.py"
        self.guest.write_text(GUEST.format(place=self.place))
        task = {
            "name": "Bring the release",
            "paas_guest": {
                "program": [sys.executable, str(self.guest)],
                "verb": "submit",
                "request": {},
                "files": {"archive": str(self.file)},
            },
        }
        self.playbook = folder / "play.yml"
        play = {"hosts": "all", "gather_facts": False, "tasks": [task]}
        self.playbook.write_text(json.dumps([play]))
        (folder / "action_plugins").symlink_to(CHECKOUT / "ansible" / "action_plugins")

    def play(self, ending: str) -> None:
        """Play once; ``ending`` is how the last way of sending ends, in shell."""
        programs = {"ssh": SSH.format(ending=ending), "sftp": KILLED, "scp": KILLED}
        variables = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1"}
        for name, text in programs.items():
            path = self.folder / name
            path.write_text(text)
            path.chmod(0o755)
            variables[f"ansible_{name}_executable"] = str(path)
        playbook = Playbook.start_early(bench(), self.folder / "work", playbook=self.playbook)
        playbook.run({}, Connection(variables))


@pytest.fixture
def sending(tmp_path: Path) -> Sending:
    return Sending(tmp_path)


def test_a_transfer_that_is_killed_may_run_again_and_then_brings_the_file(sending: Sending) -> None:
    with pytest.raises(Unreachable, match=r"Bring the release failed: .*broke off"):
        sending.play("kill -9 $$")
    sending.play(":")
    assert sending.place.read_bytes() == sending.file.read_bytes()


def test_a_guest_without_room_for_the_file_is_not_waited_for(sending: Sending) -> None:
    full = "echo 'dd: error writing: No space left on device' >&2; exit 1"
    with pytest.raises(StepFailed, match="No space left on device"):
        sending.play(full)
