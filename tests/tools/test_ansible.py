"""Real Ansible against a folder that plays the guest: installed once, repeated safely, literal."""

import io
import json
import os
import signal
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from paas.domain.errors import Cancelled, StepFailed, StepInterrupted, Unreachable
from paas.domain.specs import BuildPlan
from paas.tools.ansible import Playbook, build_extravars, deploy, literal
from paas.tools.ansible_events import Reader
from paas.tools.process import Leash, kill_marked

from .support import MARK, ansible_processes, bench, wait_for

PLAN = BuildPlan(
    framework="flask",
    runtime="python",
    runtime_version=None,
    root="",
    install=(("/bin/sh", "-c", "echo installing; mkdir -p {dependencies}; echo {runtime} >&2"),),
    kept=(),
    dependencies_hash="h1",
    build=("echo building; echo x >> $(dirname $0)/built",),
    release=(),
    start="python app.py",
    document_root="",
    health_path="/",
    environment={"MODE": "production", "DEBUG": "0"},
    reasons=(),
)


@dataclass
class Local:
    """A connection to this machine."""

    variables: Mapping[str, str] = field(
        default_factory=lambda: {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
        }
    )
    files: Mapping[str, str] = field(default_factory=dict)


class Guest:
    """A folder that plays the guest; ``exec`` runs the rest of a command in the app's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.release = self.home / "releases" / "1"
        self.settings = self.home / "releases" / "1.env.json"
        self.dependencies = self.home / "dependencies" / "h1"
        self.log: list[tuple[str, str]] = []
        self.environment: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._pack({"app.py": b"print()\n"})

    def _pack(self, files: Mapping[str, bytes]) -> None:
        with tarfile.open(self.folder / "1.tar.gz", "w:gz") as tar:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))

    @property
    def variables(self) -> dict[str, object]:
        inside = ["/usr/bin/env", "-C", str(self.release), "--"]
        return {
            "paas_exec": inside,
            "paas_start": ["/bin/echo", json.dumps({"port": 1, "started": False})],
            "paas_archive": str(self.folder / "1.tar.gz"),
            "paas_release_folder": str(self.release),
            "paas_app_folder": str(self.release),
            "paas_env_file": str(self.settings),
            "paas_dependencies_folder": str(self.dependencies),
            "paas_owner_uid": os.getuid(),
            "paas_owner_gid": os.getgid(),
            "paas_runtime_program": "/usr/bin/python3",
        }

    def deploy(self, plan: BuildPlan = PLAN, **changes: object) -> list[str]:
        """Play, and return what the log got."""
        variables = {**self.variables, **changes}
        self.log.clear()
        extravars = build_extravars(variables, plan, self.environment)
        deploy(bench(self.log), self.folder / "work", extravars, Local())
        return [line for _, line in self.log]


@pytest.fixture
def guest(tmp_path: Path) -> Guest:
    return Guest(tmp_path / "guest")


def shell(*texts: str) -> tuple[tuple[str, ...], ...]:
    return tuple(("/bin/sh", "-c", text) for text in texts)


def test_a_release_is_installed_once_and_a_second_play_changes_nothing(guest: Guest) -> None:
    plan = replace(PLAN, build=("echo building; echo x >> built",))
    first = guest.deploy(plan)
    assert {"installing", "/usr/bin/python3", "building", "Build the release: done"} <= {*first}
    assert (guest.release / "app.py").read_text() == "print()\n"
    assert (guest.dependencies / ".complete").exists()
    assert json.loads(guest.settings.read_text())["start"] == "python app.py"
    assert guest.settings.stat().st_mode & 0o777 == 0o600
    assert not (guest.folder / "work").exists()

    before = guest.settings.stat()
    second = guest.deploy(plan)
    assert "installing" not in second
    assert [line for line in second if line.endswith(": done")] == [
        "Write the release's settings: done"
    ]
    assert (guest.release / "built").read_text() == "x\n"
    after = guest.settings.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


INJECTIONS = [
    "{{ lookup('pipe', 'touch OWNED') }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "$(touch OWNED)",
    "`touch OWNED`",
    "'; touch OWNED; '",
    '"\n- hosts: all\n  tasks: [{shell: touch OWNED}]',
    "!unsafe x",
    "${file('/etc/passwd')}",
]


def test_the_users_text_stays_text(guest: Guest) -> None:
    texts = [text.replace("OWNED", str(guest.folder / "owned")) for text in INJECTIONS]
    guest.environment = {f"V{number}": text for number, text in enumerate(texts)}
    plan = replace(
        PLAN, start=texts[0], install=(("echo", texts[0]),), build=(), health_path=texts[0]
    )
    lines = guest.deploy(plan)
    settings = json.loads(guest.settings.read_text())
    assert {**guest.environment, **PLAN.environment} == settings["environment"]
    assert settings["start"] == settings["health_path"] == texts[0]
    assert texts[0] in lines
    assert not (guest.folder / "owned").exists()


def test_secrets_do_not_reach_the_log(guest: Guest) -> None:
    guest.environment = {"TOKEN": "hunter2-hunter2"}
    assert not any("hunter2" in line for line in guest.deploy())


def test_half_made_folders_of_a_killed_play_are_made_anew(guest: Guest) -> None:
    half = guest.release.with_name("1.part")
    half.mkdir(parents=True)
    (half / "rubbish").write_text("")
    guest.dependencies.mkdir(parents=True)
    (guest.dependencies / "rubbish").write_text("")
    guest.deploy(replace(PLAN, build=()))
    assert sorted(path.name for path in guest.release.iterdir()) == ["app.py"]
    assert sorted(path.name for path in guest.dependencies.iterdir()) == [".complete"]
    assert not half.exists()


def test_kept_folders_come_back_as_links(guest: Guest) -> None:
    install = shell("mkdir -p node_modules/x; echo 1 > node_modules/x/index.js")
    plan = replace(PLAN, install=install, kept=("node_modules",), build=())
    guest.deploy(plan)
    kept = guest.dependencies / "node_modules/x/index.js"
    guest.release.rename(guest.release.with_name("old"))
    lines = guest.deploy(plan)
    back = guest.release / "node_modules/x/index.js"
    assert back.stat().st_ino == kept.stat().st_ino
    assert "Install the dependencies: done" in lines


def test_a_failing_build_is_told_in_words_and_repeated(guest: Guest) -> None:
    plan = replace(PLAN, build=("echo trying; echo no such module: x >&2; exit 7",))
    with pytest.raises(StepFailed) as failure:
        guest.deploy(plan)
    assert failure.value.message.startswith("Build the release failed: the command 'echo trying;")
    assert failure.value.message.endswith(
        "ended with exit code 7; its last line: no such module: x"
    )
    assert "trying" in failure.value.detail
    lines = [line for _, line in guest.log]
    assert lines.count("trying") == 1
    assert not (guest.folder / "work").exists()
    guest.deploy(replace(PLAN, build=("touch built",)))
    assert (guest.release / "built").exists()


def test_a_supervisor_that_refuses_is_quoted(guest: Guest) -> None:
    start = ["/bin/sh", "-c", "echo 'the guest is gone' >&2; exit 1"]
    with pytest.raises(StepFailed, match=r"Start the release failed: .*the guest is gone"):
        guest.deploy(replace(PLAN, build=(), install=()), paas_start=start)


def test_a_missing_variable_is_told_in_words(guest: Guest) -> None:
    variables = {**guest.variables}
    extravars = build_extravars(variables, PLAN, {})
    del extravars["paas_archive"]
    with pytest.raises(StepFailed, match="paas_archive"):
        deploy(bench(), guest.folder / "work", extravars, Local())


def test_an_early_start_waits_for_its_variables(guest: Guest) -> None:
    playbook = Playbook.start_early(bench(), guest.folder / "work")
    wait_for(lambda: (guest.folder / "work" / "gate").exists(), "the gate")
    assert (guest.folder / "work").stat().st_mode & 0o777 == 0o700
    assert not guest.release.exists()
    playbook.run(build_extravars(guest.variables, replace(PLAN, build=()), {}), Local())
    assert guest.release.exists()


def test_an_early_start_can_be_discarded(guest: Guest) -> None:
    leash = Leash(60)
    playbook = Playbook.start_early(bench(leash=leash), guest.folder / "work")
    wait_for(lambda: (guest.folder / "work" / "gate").exists(), "the gate")
    playbook.discard()
    playbook.discard()
    assert not (guest.folder / "work").exists()
    assert not leash._ends


def test_a_cancelled_play_ends_at_once(guest: Guest) -> None:
    plan = replace(PLAN, build=("touch started; sleep 600",))
    started = guest.release / "started"

    def stop() -> Cancelled | None:
        return Cancelled("enough") if started.exists() else None

    extravars = build_extravars(guest.variables, plan, {})
    with pytest.raises(Cancelled):
        deploy(bench(stop=stop), guest.folder / "work", extravars, Local())
    assert not (guest.folder / "work").exists()


@pytest.mark.parametrize("which", ["guard", "runner", "playbook", "task"])
def test_a_play_whose_process_is_killed_may_run_again(guest: Guest, which: str) -> None:
    plan = replace(PLAN, build=("touch started; sleep 600",))
    started = guest.release / "started"

    def kill() -> None:
        if started.exists():
            started.unlink()
            os.kill(ansible_processes(guest.folder / "work")[which], signal.SIGKILL)

    extravars = build_extravars(guest.variables, plan, {})
    with pytest.raises(StepInterrupted):
        deploy(bench(stop=kill), guest.folder / "work", extravars, Local())
    # As the next attempt does before it begins.
    kill_marked(MARK)
    assert not ansible_processes(guest.folder / "work")


def test_the_variables_are_complete_and_marked(guest: Guest) -> None:
    values = build_extravars(guest.variables, PLAN, {"DEBUG": "1"})
    settings = values["paas_settings"]
    assert isinstance(settings, dict)
    assert settings["environment"] == literal({"MODE": "production", "DEBUG": "1"})
    assert values["paas_install"] == literal(
        [
            [
                "/bin/sh",
                "-c",
                f"echo installing; mkdir -p {guest.dependencies}; echo /usr/bin/python3 >&2",
            ]
        ]
    )
    assert literal({"a": ["x", 1, True, None]}) == {"a": [{"__ansible_unsafe": "x"}, 1, True, None]}


def test_of_a_loop_the_first_turn_that_failed_is_told() -> None:
    reader = Reader(lambda line: None)

    def tell(event: str, **result: object) -> None:
        row = {"event": event, "task": "Bind", "ignored": False, "result": result, "text": ""}
        reader.read(json.dumps(row))

    tell("playbook_on_task_start")
    tell("runner_item_on_failed", msg="non-zero return code", stderr_lines=["no quorum"])
    tell("runner_item_on_failed", msg="another")
    tell("runner_on_failed", msg="One or more items failed")
    sentence, _ = reader.failure()
    assert sentence == "Bind failed: non-zero return code; its last line: no quorum"


def test_a_crash_of_ansible_itself_is_told() -> None:
    reader = Reader(lambda line: None)
    verbose = {"event": "verbose", "task": "", "ignored": False, "result": {}}
    reader.read(json.dumps({**verbose, "text": "[ERROR]: YAML parsing failed\nOrigin: x"}))
    assert reader.failure() == (
        "Ansible could not run the playbook: [ERROR]: YAML parsing failed",
        "[ERROR]: YAML parsing failed\nOrigin: x",
    )


@pytest.mark.parametrize(
    ("tasks", "kind"),
    [("{{{", StepFailed), ("[{ping: {}}]", Unreachable)],
    ids=["unreadable", "away"],
)
def test_only_a_guest_that_does_not_answer_is_waited_for(
    tmp_path: Path, tasks: str, kind: type[Exception]
) -> None:
    playbook = tmp_path / "play.yml"
    playbook.write_text(f"- hosts: guest\n  gather_facts: false\n  tasks: {tasks}\n")
    nobody = {
        "ansible_connection": "ssh",
        "ansible_host": "127.0.0.1",
        "ansible_port": "1",
        "ansible_ssh_common_args": "-F none -o ConnectTimeout=5",
        "ansible_ssh_retries": "0",
        # Known, so that the first contact is a module, written to an ssh that is gone by then.
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    started = Playbook.start_early(bench(), tmp_path / "work", playbook=playbook)
    with pytest.raises((StepFailed, StepInterrupted)) as caught:
        started.run({}, Local(nobody))
    assert type(caught.value) is kind


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give guests users of their own")
def test_as_root_files_belong_to_the_guest_and_planted_links_lead_nowhere() -> None:
    # The folders of pytest are closed to the guest's user.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        check_planted_links(Path(folder))


def check_planted_links(folder: Path) -> None:
    guest = Guest(folder / "guest")
    uid = 245678
    guest.release.parent.mkdir(parents=True)
    for path in (guest.home, guest.release.parent):
        os.chown(path, uid, uid)
    precious = folder / "precious"
    precious.write_text("root's")
    guest.settings.with_name("1.env.json.part").symlink_to(precious)
    guest.settings.symlink_to(precious)
    plan = replace(PLAN, build=(), install=shell("true"))
    guest.deploy(plan, paas_owner_uid=uid, paas_owner_gid=uid)
    assert precious.read_text() == "root's"
    assert not guest.settings.is_symlink()
    owned = (guest.release, guest.release / "app.py", guest.settings, guest.dependencies)
    assert {path.stat().st_uid for path in owned} == {uid}
