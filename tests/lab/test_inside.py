"""What happens inside guests, on real ones: installed, served, ended, taken up, over real SSH."""

import io
import json
import os
import signal
import tarfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from paas.domain.errors import StepFailed
from paas.domain.specs import BuildPlan, GuestSpec, ReleaseSpec, Resources
from paas.domain.states import GuestType
from paas.frameworks.catalogue import Catalogue
from paas.frameworks.detect import Overrides, make_plan
from paas.settings import CHECKOUT, Settings
from paas.targets.contract import Health
from paas.targets.proxmox.inside import Inside
from paas.tools.ansible import Playbook, build_extravars
from paas.tools.archive import ArchiveTree
from paas.tools.process import Bench, Leash
from tests.lab.ground import LXC_TEMPLATE, PLAIN_TEMPLATE
from tests.lab.hypervisor import GuestConfig
from tests.lab.lab import Lab
from tests.lab.reaching import Visitor, eventually
from tests.targets.proxmox_inside_support import PLAN

PLAYBOOK = CHECKOUT / "ansible" / "guest.yml"
UV = CHECKOUT / ".venv" / "bin" / "uv"
PORT = 8000
READY_SECONDS = 120.0
SERVER = """
import http.server, os, sys, time

class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        gate = os.path.join(os.environ["PAAS_DATA_DIR"], "gate")
        while self.path == "/slow" and not os.path.exists(gate):
            time.sleep(0.02)
        body = f"{sys.argv[1]} {os.environ['WORDS']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

print("said to people", flush=True)
print("said of trouble", file=sys.stderr, flush=True)
port = int(sys.argv[2] if len(sys.argv) > 2 else os.environ["PORT"])
http.server.ThreadingHTTPServer((os.environ["HOST"], port), Page).serve_forever()
"""
WORDS = "it's {{ 1 + 1 }} $HOME\n`id`"
vmids = count(900)


def keep(leash: Leash, over: threading.Event) -> None:
    """Renew a leash as a worker does, for plays that take long on a busy machine."""
    while not over.wait(2.0):
        leash.renew()


class Place:
    """One guest of the lab, and the platform's ways into it."""

    def __init__(self, lab: Lab, folder: Path, image: str) -> None:
        self.lab = lab
        self.folder = folder
        self.visitor = Visitor(folder)
        vmid, plan = next(vmids), lab.ground.plan
        self.config = GuestConfig(
            vmid,
            "lxc",
            f"inside-{vmid}",
            image,
            address=f"{plan.subnet}.{vmid - 690}/24",
            gateway=plan.host,
            dns=(plan.host,),
            ssh_keys=(self.visitor.public,),
        )
        settings = Settings.read(lab.environ(folder / "instance"))
        self.inside = Inside.of(settings, self.visitor.key.read_text(), UV)
        self.spec = GuestSpec(
            uuid=f"00000000-0000-0000-0000-{vmid:012}",
            marker=f"installation/{vmid}",
            target="proxmox_lxc",
            endpoint="proxmox",
            node="pve1",
            vmid=vmid,
            incarnation=1,
            hostname=self.config.hostname,
            address=self.config.address.partition("/")[0],
            port=PORT,
            resources=Resources(1, 512, 4),
            guest_type=GuestType.LXC,
        )
        self.log: list[str] = []

    @contextmanager
    def up(self) -> Iterator["Place"]:
        self.lab.ground.hypervisor.create(self.config)
        try:
            self.lab.ground.hypervisor.start(self.config.vmid)
            contact = self.inside.wait_ready(self.spec, self.spec.address, READY_SECONDS)
            assert contact.host_key == self.lab.ground.hypervisor.host_key(self.config.vmid)
            self.spec = replace(self.spec, host_key=contact.host_key)
            yield self
        finally:
            self.lab.ground.hypervisor.destroy(self.config.vmid)

    def release(self, number: int, plan: BuildPlan, files: dict[str, str]) -> ReleaseSpec:
        archive = self.folder / f"{number}.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            for name, text in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                tar.addfile(member, io.BytesIO(text.encode()))
        return ReleaseSpec(f"release-{number}", number, "sha", str(archive), plan, {"WORDS": WORDS})

    def small(self, number: int, start: str, **plan: object) -> ReleaseSpec:
        """A release of one file; ``plan`` changes how it is built."""
        return self.release(number, replace(PLAN, start=start, **plan), {"server.py": SERVER})

    def play(self, release: ReleaseSpec, *, meets: bool = False) -> list[str]:
        """Bring a release in, over a connection that was opened before if it ``meets``; the log's
        lines."""
        self.log.clear()
        variables = self.inside.variables(self.spec, release)
        leash, over = Leash(), threading.Event()
        bench = Bench(
            mark=f"inside-{os.getpid()}",
            environment=dict(os.environ),
            log=lambda _, line: self.log.append(line),
            leash=leash,
        )
        renew = threading.Thread(target=keep, args=(leash, over))
        renew.start()
        try:
            extravars = build_extravars(variables, release.plan, release.environment)
            playbook = Playbook.start_early(bench, self.folder / "play", playbook=PLAYBOOK)
            connection, before = self.inside.connection(self.spec), self.logins()
            if meets:
                playbook.meet(connection)
                eventually(lambda: self.logins() > before, "the connection to be opened")
            playbook.run(extravars, connection)
        finally:
            over.set()
            renew.join()
        return list(self.log)

    def logins(self) -> int:
        """How often somebody was let in by SSH."""
        said = self.run("journalctl", "--quiet", "--unit", "ssh", "--output", "cat")
        return said.count("Accepted publickey")

    def settle(self, release: ReleaseSpec) -> Health:
        """Look until the release is well or hopeless."""
        found: list[Health] = []

        def is_settled() -> bool:
            found.append(self.inside.health(self.spec, release))
            return found[-1].ready or found[-1].fatal

        eventually(is_settled, "the release is well or hopeless")
        return found[-1]

    def live(self, release: ReleaseSpec) -> None:
        """Bring a release in and let it serve."""
        self.play(release)
        assert self.settle(release).ready
        self.inside.switch(self.spec, release)

    def get(self, path: str = "/") -> str:
        url = f"http://{self.spec.address}:{self.spec.port}{path}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return str(answer.read().decode())

    def run(self, *words: str) -> str:
        return self.lab.ground.hypervisor.run_inside(self.config.vmid, *words)


@pytest.fixture(scope="module")
def place(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A guest whose template has the languages; the tests use release numbers of their own."""
    with Place(lab, tmp_path_factory.mktemp("inside"), LXC_TEMPLATE).up() as made:
        yield made


numbers = count(1)


def test_a_release_serves_and_a_second_play_changes_nothing(place: Place) -> None:
    build = ("echo building as $(id -un); echo x >> $PAAS_DATA_DIR/built",)
    release = place.small(next(numbers), "exec python3 server.py first", build=build)
    first = place.play(release)
    assert "building as app" in first
    assert place.settle(release).ready
    place.inside.switch(place.spec, release)
    # What the user wrote arrives as it is.
    assert place.get() == f"first {WORDS}"

    second = place.play(release)
    assert [line for line in second if line.endswith(": done")] == []
    assert "building as app" not in second
    assert place.run("cat", "/srv/app/data/built") == "x\n"
    assert place.get() == f"first {WORDS}"


def test_a_play_uses_the_connection_that_was_opened_before_it(place: Place) -> None:
    release = place.small(next(numbers), "exec python3 server.py met")
    place.inside.serves(place.spec)  # So that the platform's own connection is there.
    before = place.logins()
    place.play(release, meets=True)
    assert place.logins() == before + 1
    assert place.settle(release).ready


def test_the_app_runs_confined(place: Place) -> None:
    release = place.small(next(numbers), "exec python3 server.py confined")
    place.live(release)
    unit = f"paas-app@{release.number}.service"
    pid = place.run("systemctl", "show", "--property", "MainPID", "--value", unit).strip()
    status = place.run("cat", f"/proc/{pid}/status")
    uid = place.run("id", "-u", "app").strip()
    assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}" in status
    assert "NoNewPrivs:\t1" in status
    assert "CapBnd:\t0000000000000000" in status

    def writes(path: str) -> bool:
        enter = ["nsenter", "--target", pid, "--mount", "--setuid", uid, "--setgid", uid]
        return place.run(
            *enter, "sh", "-c", f"touch {path} 2>/dev/null && echo yes || echo no"
        ) == ("yes\n")

    assert writes("/srv/app/data/x")
    assert writes("/tmp/x")  # noqa: S108 (its own)
    assert not writes(f"/srv/app/releases/{release.number}/x")
    assert not writes("/etc/x")


def test_the_new_release_serves_and_the_old_ones_last_answer_is_not_cut_off(place: Place) -> None:
    place.run("rm", "-f", "/srv/app/data/gate")
    old = place.small(next(numbers), "exec python3 server.py old")
    place.live(old)
    answers: list[str] = []
    slow = threading.Thread(target=lambda: answers.append(place.get("/slow")))
    slow.start()
    port = json.loads(place.run("cat", "/var/lib/paas/state.json"))["port"]
    eventually(lambda: f":{port:04X} 01" in _sockets(place), "the slow request is on its way")

    new = place.small(next(numbers), "python3 server.py new & wait")
    place.live(new)
    assert place.get() == f"new {WORDS}"
    place.run("touch", "/srv/app/data/gate")
    slow.join()
    assert answers == [f"old {WORDS}"]
    unit = f"paas-app@{old.number}.service"
    eventually(
        lambda: "inactive" in place.run("systemctl", "show", "--property", "ActiveState", unit),
        "the old release has ended",
    )
    # And back again, without an installation.
    place.inside.switch(place.spec, old)
    assert place.get() == f"old {WORDS}"


def _sockets(place: Place) -> str:
    rows = [line.split() for line in place.run("cat", "/proc/net/tcp").splitlines()[1:]]
    return "\n".join(f"{row[1]} {row[3]}" for row in rows)


def test_an_app_that_dies_or_listens_elsewhere_is_told_apart(place: Place) -> None:
    dying = place.small(next(numbers), "echo a last word >&2; exit 3")
    place.play(dying)
    health = place.settle(dying)
    assert health.fatal
    assert "its last words: a last word" in health.reason
    elsewhere = place.small(next(numbers), "exec python3 server.py elsewhere 9999")
    place.play(elsewhere)
    eventually(
        lambda: "listens on port 9999" in place.inside.health(place.spec, elsewhere).reason,
        "the wrong port is named",
    )
    for release in (dying, elsewhere, dying):
        place.inside.retire(place.spec, release)
    assert not place.run("ls", "/srv/app/releases").count(f"{dying.number}.env.json")


def test_a_failed_build_says_why_and_leaves_the_serving_release_alone(place: Place) -> None:
    serving = place.small(next(numbers), "exec python3 server.py serving")
    place.live(serving)
    broken = place.small(next(numbers), "true", build=("echo no such part; exit 7",))
    with pytest.raises(StepFailed, match="exit code 7; its last line: no such part"):
        place.play(broken)
    place.inside.retire(place.spec, broken)
    assert place.get() == f"serving {WORDS}"
    with pytest.raises(StepFailed, match="serves, so it cannot be retired"):
        place.inside.retire(place.spec, serving)


def test_a_build_outlives_a_dead_platform_and_is_followed_not_begun_again(place: Place) -> None:
    place.run("rm", "-f", "/srv/app/data/go")
    build = (
        "echo begun >> $PAAS_DATA_DIR/begun; echo waiting",
        "while [ ! -e $PAAS_DATA_DIR/go ]; do sleep 0.05; done; echo over",
    )
    release = place.small(next(numbers), "exec python3 server.py built", build=build)
    child = os.fork()
    if child == 0:
        try:
            place.play(release)
        finally:
            os._exit(0)
    output = "/var/lib/paas/work/output"
    eventually(lambda: "waiting" in place.run("sh", "-c", f"cat {output}; true"), "it builds")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    again = threading.Thread(target=place.play, args=(release,))
    again.start()
    eventually(lambda: "waiting" in place.log, "the build is followed from its beginning")
    place.run("touch", "/srv/app/data/go")
    again.join()
    assert "over" in place.log
    assert place.run("cat", "/srv/app/data/begun") == "begun\n"
    assert place.settle(release).ready


def test_the_apps_log_is_read_by_time_and_by_text(place: Place) -> None:
    release = place.small(next(numbers), "exec python3 server.py logging")
    place.live(release)
    lines = list(place.inside.runtime_log(place.spec, limit=1000))
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    said = {(line.stream, line.text) for line in lines}
    assert {("stdout", "said to people"), ("stderr", "said of trouble")} <= said
    found = list(place.inside.runtime_log(place.spec, limit=1, search="of trouble"))
    assert [line.text for line in found] == ["said of trouble"]
    since = list(place.inside.runtime_log(place.spec, limit=1000, since=found[0].at))
    assert since[0] == found[0]
    assert all(line.at >= found[0].at for line in since)
    assert list(place.inside.runtime_log(place.spec, limit=5, search="$(id) ' nothing")) == []


def test_a_running_app_comes_back_with_its_guest(place: Place) -> None:
    release = place.small(next(numbers), "exec python3 server.py lasting")
    place.live(release)
    hypervisor, vmid = place.lab.ground.hypervisor, place.config.vmid
    place.run("systemctl", "--no-block", "poweroff")
    eventually(lambda: not hypervisor.is_running(vmid), "the guest has ended by itself")
    _power_cycle(place)
    assert place.settle(release).ready
    place.inside.start_app(place.spec)
    assert place.get() == f"lasting {WORDS}"
    before = list(place.inside.runtime_log(place.spec, limit=1000, search="said to people"))
    assert len(before) > 1


def _power_cycle(place: Place) -> None:
    place.lab.ground.hypervisor.stop(place.config.vmid)
    place.lab.ground.hypervisor.start(place.config.vmid)
    place.inside.wait_ready(place.spec, place.spec.address, READY_SECONDS)


def test_dependencies_are_kept_as_long_as_a_release_needs_them(place: Place) -> None:
    install = (("/bin/sh", "-c", "echo installing; touch {dependencies}/thing"),)
    first, second = (
        place.small(
            next(numbers), f"exec python3 server.py {name}", install=install, dependencies_hash="aa"
        )
        for name in ("one", "two")
    )
    assert "installing" in place.play(first)
    assert "installing" not in place.play(second)
    place.inside.tidy(place.spec, [second])
    assert "aa" in place.run("ls", "/srv/app/dependencies").split()
    place.inside.tidy(place.spec, [])
    assert "aa" not in place.run("ls", "/srv/app/dependencies").split()


def test_a_template_without_languages_is_given_them_from_the_sites_mirror(
    lab: Lab, tmp_path: Path
) -> None:
    with Place(lab, tmp_path, PLAIN_TEMPLATE).up() as place:
        sample = CHECKOUT / "frameworks" / "samples" / "php"
        files = {
            str(path.relative_to(sample)): path.read_text()
            for path in sample.rglob("*")
            if path.is_file()
        }
        archive = place.release(1, PLAN, files).archive
        framework = Catalogue.load(CHECKOUT / "frameworks")["php"]
        plan = make_plan(framework, ArchiveTree.open(Path(archive)), Overrides())
        release = place.release(1, plan, files)
        lines = place.play(release)
        assert any(line.startswith("Installing php-cli") for line in lines)
        assert place.settle(release).ready
        place.inside.switch(place.spec, release)
        assert "PHP" in place.get()
        assert [line for line in place.play(release) if line.endswith(": done")] == []
