"""The platform's side of a guest's inside: what it packs, tells and asks, without a guest."""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from paas.domain.errors import StepFailed, StepInterrupted, Unreachable
from paas.domain.specs import BuildPlan, GuestSpec, ReleaseSpec, Resources
from paas.domain.states import GuestType
from paas.frameworks.catalogue import Catalogue
from paas.settings import CHECKOUT
from paas.targets.proxmox import inside_languages, inside_runtimes
from paas.targets.proxmox.guest import jobs, places, state, units
from paas.targets.proxmox.inside import Inside
from paas.targets.proxmox.inside_program import UNPACK, program
from paas.targets.proxmox.inside_surroundings import Surroundings
from paas.tools.ansible import build_extravars
from paas.tools.ssh import Account, Done, Sessions

from .proxmox_inside_support import PLAN

GUEST = GuestSpec(
    uuid="0b5c9a3e-0000-4000-8000-000000000001",
    marker="installation/0b5c9a3e",
    target="proxmox_lxc",
    endpoint="proxmox",
    node="pve1",
    vmid=100000,
    incarnation=2,
    hostname="shop-1a2b",
    address="10.0.0.20",
    port=8000,
    resources=Resources(1, 512, 8),
    guest_type=GuestType.LXC,
    host_key="ssh-ed25519 AAAA",
)
RELEASE = ReleaseSpec("r-1", 3, "sha", "/archives/3.tar.gz", PLAN, {"TOKEN": "secret"})
MISSING = "python3: can't open file '{}': [Errno 2] No such file or directory"


class Wire(Sessions):
    """Sessions that answer from a list, and remember what they were asked."""

    def __init__(self, *answers: object) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[tuple[tuple[str, ...], bytes]] = []

    def run(
        self, account: Account, argv: Sequence[str], data: bytes = b"", *, deadline: float
    ) -> Done:
        self.asked.append((tuple(argv), data))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Done):
            return answer
        return Done(0, json.dumps(answer).encode(), "")

    def host_key(self, account: Account, *, deadline: float) -> str:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)


def inside(*answers: object, surroundings: Surroundings | None = None) -> tuple[Inside, Wire]:
    wire = Wire(*answers)
    made = Inside("KEY", surroundings or Surroundings(), uv=Path(sys.executable), sessions=wire)
    return made, wire


def test_the_program_is_packed_the_same_each_time_and_stands_on_its_own(tmp_path: Path) -> None:
    first = program()
    program.cache_clear()
    assert program() == first
    place = tmp_path / first.name
    argv = [sys.executable, "-I", "-S", "-c", UNPACK, str(place)]
    for _ in range(2):
        subprocess.run(argv, input=first.content, check=True)
    modules = zipfile.ZipFile(BytesIO(first.content)).namelist()
    names = [name[:-3].replace("/", ".") for name in modules if name.endswith(".py")]
    imported = [
        name for name in names if not name.endswith("__init__") and not name.startswith(("__", "h"))
    ]
    assert "paas.targets.proxmox.guest.serving" in imported
    text = f"import sys; sys.path.insert(0, {str(place)!r})\n" + "".join(
        f"import {name}\n" for name in imported
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", text], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    wrong = subprocess.run(
        [sys.executable, "-I", "-S", str(place), "nonsense"], capture_output=True, check=False
    )
    assert wrong.returncode == 2
    assert b"Say one of: setup," in wrong.stderr


def test_processes_that_bring_the_program_at_once_leave_it_whole(tmp_path: Path) -> None:
    packed, folder = program(), tmp_path / "lib"
    argv = [sys.executable, "-I", "-S", "-c", UNPACK, str(folder / packed.name)]
    bringing = [subprocess.Popen(argv, stdin=subprocess.PIPE) for _ in range(6)]
    for process in bringing:
        assert process.stdin
        process.stdin.write(packed.content)
    # Each of them goes on at the end of its input, so all of them unpack now.
    for process in bringing:
        assert process.stdin
        process.stdin.close()
    assert [process.wait() for process in bringing] == [0] * 6
    assert [path.name for path in folder.iterdir()] == [packed.name]
    there = {str(path.relative_to(folder / packed.name)) for path in folder.rglob("*.*")}
    assert set(zipfile.ZipFile(BytesIO(packed.content)).namelist()) <= there


def test_the_program_is_brought_when_the_guest_lacks_this_version() -> None:
    place = f"{places.LIBRARY}/{program().name}"
    made, wire = inside(Done(2, b"", MISSING.format(place)), Done(0, b"", ""), {"removed": []})
    made.tidy(GUEST, [RELEASE])
    (first, _), (bring, content), (again, data) = wire.asked
    assert first == again == ("python3", "-I", "-S", place, "tidy")
    assert bring[-1] == place
    assert content == program().content
    assert json.loads(data) == {"kept": [""]}


FOUND = [{"version": "3.11.2", "program": "/usr/bin/python3.11"}]


class Early(Wire):
    """The same for a guest that is reached before it is needed, unless it is away."""

    def __init__(self, *answers: object, is_away: bool = False) -> None:
        super().__init__(*answers)
        self.is_away = is_away

    def warm_up(self, account: Account) -> None:
        if self.is_away:
            raise Unreachable("The guest is away")


def early(*answers: object, is_away: bool = False) -> tuple[Inside, Early]:
    wire = Early(*answers, is_away=is_away)
    return Inside("KEY", Surroundings(), uv=Path(sys.executable), sessions=wire), wire


def test_a_language_that_was_looked_for_early_is_not_looked_for_again() -> None:
    made, wire = early(FOUND, FOUND)
    made.warm_up(GUEST, PLAN)
    for looks in (1, 2):  # What was found early is good for one release.
        assert made.variables(GUEST, RELEASE)["paas_runtime_program"] == FOUND[0]["program"]
        assert len(wire.asked) == looks


@pytest.mark.parametrize(
    ("guest", "plan"),
    [
        (GUEST, replace(PLAN, runtime="node")),
        (GUEST, None),
        (replace(GUEST, incarnation=3), PLAN),
        (replace(GUEST, host_key=""), PLAN),
    ],
    ids=["another language", "nothing served", "another guest", "a guest that nobody has met"],
)
def test_what_was_looked_for_early_elsewhere_does_not_count(
    guest: GuestSpec, plan: BuildPlan | None
) -> None:
    made, wire = early([], FOUND)
    made.warm_up(guest, plan)
    wire.answers = [FOUND]
    assert made.variables(GUEST, RELEASE)["paas_runtime_program"] == FOUND[0]["program"]


def test_an_early_look_that_failed_or_is_long_ago_is_made_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for answers, is_away in (((FOUND,), True), ((Unreachable("broke off"), FOUND), False)):
        made, _ = early(*answers, is_away=is_away)
        made.warm_up(GUEST, PLAN)
        assert made.variables(GUEST, RELEASE)["paas_runtime_program"] == FOUND[0]["program"]
    monkeypatch.setattr(inside_languages, "EARLY_SECONDS", -1.0)
    made, _ = early([], FOUND)
    made.warm_up(GUEST, PLAN)
    assert made.variables(GUEST, RELEASE)["paas_runtime_program"] == FOUND[0]["program"]


def test_the_guests_own_sentence_is_passed_on() -> None:
    made, _ = inside(Done(1, b"", "Release 3 serves, so it\ncannot be retired.\n"))
    with pytest.raises(StepFailed, match="shop-1a2b refuses to retire: Release 3 serves, so it c"):
        made.retire(GUEST, RELEASE)
    made, _ = inside(Done(127, b"", "sh: 1: python3: not found"))
    with pytest.raises(StepFailed, match="has no Python"):
        made.start_app(GUEST)


def test_no_secret_and_no_users_text_is_on_a_command_line() -> None:
    made, wire = inside([], {"ready": True, "reason": "", "fatal": False})
    list(made.runtime_log(GUEST, limit=5, search="$(secret)"))
    made.health(GUEST, replace(RELEASE, plan=replace(PLAN, health_path="/'; secret")))
    words = " ".join(word for argv, _ in wire.asked for word in argv)
    assert "secret" not in words
    connection = made.connection(GUEST)
    assert "KEY" not in json.dumps(dict(connection.variables))
    assert connection.files["key"] == "KEY"


def test_nothing_is_told_to_a_guest_whose_host_key_is_not_known() -> None:
    made, wire = inside()
    unknown = replace(GUEST, host_key="")
    calls: list[Callable[[], object]] = [
        lambda: list(made.runtime_log(unknown, limit=5)),
        lambda: made.health(unknown, RELEASE),
        lambda: made.call(unknown, ["true"], deadline=1.0),
        lambda: made.connection(unknown),
        lambda: made.template_variables(unknown),
    ]
    for call in calls:
        with pytest.raises(Unreachable, match="shop-1a2b has not been reached yet"):
            call()
    assert wire.asked == []


def test_ansible_trusts_the_one_host_key_of_this_incarnation() -> None:
    made, _ = inside()
    connection = made.connection(GUEST)
    alias = f"{GUEST.uuid}-2"
    assert connection.files["known_hosts"] == f"{alias} ssh-ed25519 AAAA\n"
    options = connection.variables["ansible_ssh_common_args"]
    for part in (
        "-F none",
        f"HostKeyAlias={alias}",
        "StrictHostKeyChecking=yes",
        "IdentitiesOnly",
        "BatchMode",
    ):
        assert part in options


def test_readiness_is_waited_for_and_a_stranger_is_not() -> None:
    made, _ = inside(Unreachable("no answer."), Unreachable("refused."), "ssh-ed25519 BBBB")
    contact = made.wait_ready(GUEST, "10.0.0.9", 60.0)
    assert (contact.address, contact.host_key) == ("10.0.0.9", "ssh-ed25519 BBBB")
    made, _ = inside(StepFailed("another machine"))
    with pytest.raises(StepFailed, match="another machine"):
        made.wait_ready(GUEST, "10.0.0.9", 60.0)
    made, _ = inside(Unreachable("the connection is refused."))
    with pytest.raises(StepInterrupted, match=r"not ready for SSH within 0 s\. the c"):
        made.wait_ready(GUEST, "10.0.0.9", 0.0)


def test_the_variables_are_what_the_playbook_asks_for() -> None:
    made, _ = inside([{"version": "3.11.2", "program": "/usr/bin/python3.11"}])
    given = made.variables(GUEST, RELEASE)
    extravars = build_extravars(given, PLAN, {"A": "b"})
    assert given["paas_runtime_program"] == "/usr/bin/python3.11"
    assert given["paas_dependencies_folder"] == "/srv/app/dependencies"
    text = "\n".join(
        path.read_text()
        for name in ("guest", "runtime_python", "service_systemd")
        for path in (CHECKOUT / "ansible" / "roles" / name / "tasks").glob("*.yml")
    )
    wanted = set(re.findall(r"(?:\{\{ |settings: )(paas_\w+)", text))
    assert "paas_settings" in wanted
    assert wanted - {"paas_live"} <= extravars.keys()


def test_a_root_that_leads_out_of_the_source_is_refused() -> None:
    found = [{"version": "3.11.2", "program": "/usr/bin/python3"}]
    for root in ("/etc", "a/../../b"):
        made, _ = inside(found)
        with pytest.raises(StepFailed, match="not inside the repository"):
            made.variables(GUEST, replace(RELEASE, plan=replace(PLAN, root=root)))


NODES = [
    {"version": "18.20.4", "program": "/usr/bin/node"},
    {"version": "22.1.0", "program": "/opt/node-22/bin/node"},
]


@pytest.mark.parametrize(
    ("runtime", "wanted", "found", "program", "python"),
    [
        ("node", None, NODES, "/usr/bin/node", ""),
        ("node", "20 || 22", NODES, "/opt/node-22/bin/node", ""),
        ("node", "18", [], "/usr/bin/node", ""),
        ("static", None, [], "/usr/bin/python3", ""),
        ("python", "3.13", [], f"{places.python_for('3.13')}/bin/python3", "3.13"),
    ],
)
def test_the_runtime_is_the_templates_or_will_be_installed(
    runtime: str, wanted: str | None, found: list[dict[str, str]], program: str, python: str
) -> None:
    plan = replace(PLAN, runtime=runtime, runtime_version=wanted)
    assert inside_runtimes.choose(plan, "shop", found) == inside_runtimes.Choice(program, python)


def test_a_version_that_the_template_lacks_is_refused_in_words() -> None:
    plan = replace(PLAN, runtime="node", runtime_version="24")
    with pytest.raises(StepFailed, match=r"asks for Node.js 24, .* shop has 18.20.4, 22.1.0\. Use"):
        inside_runtimes.choose(plan, "shop", NODES)


def test_every_runtime_of_the_catalogue_has_its_role() -> None:
    for framework in Catalogue.load(CHECKOUT / "frameworks").values():
        assert inside_runtimes.refusal(framework.name, framework.runtime) == ""
        assert (CHECKOUT / "ansible" / "roles" / f"runtime_{framework.runtime}").is_dir()
    assert "cobol" in inside_runtimes.refusal("Legacy", "cobol")


def test_guests_are_told_of_mirrors_proxies_and_certificates() -> None:
    pem = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----"
    told = Surroundings(
        pip_index="http://mirror.lan/simple/",
        npm_registry="http://mirror.lan/npm/",
        goproxy="http://mirror.lan/go",
        proxy="http://proxy.lan:3128",
        ca=f"# ours\n{pem.format('AA')}\n# theirs\n{pem.format('BB')}\n",
    )
    assert told.certificates == [pem.format("AA") + "\n", pem.format("BB") + "\n"]
    found = told.environment()
    assert found["PIP_INDEX_URL"] == found["UV_DEFAULT_INDEX"] == "http://mirror.lan/simple/"
    assert found["PIP_TRUSTED_HOST"] == "mirror.lan"
    assert found["npm_config_registry"] == "http://mirror.lan/npm/"
    assert found["GOPROXY"] == "http://mirror.lan/go"
    assert found["HTTPS_PROXY"] == found["https_proxy"] == "http://proxy.lan:3128"
    assert found["NODE_EXTRA_CA_CERTS"] == "/etc/ssl/certs/ca-certificates.crt"
    assert found["UV_CACHE_DIR"] == "/srv/app/cache/uv"
    plain = Surroundings().environment()
    assert not {"HTTP_PROXY", "PIP_INDEX_URL", "SSL_CERT_FILE", "UV_NO_INDEX"} & plain.keys()
    wheels = Surroundings(pip_find_links="https://mirror.lan/wheels/").environment()
    assert wheels["UV_NO_INDEX"] == wheels["PIP_NO_INDEX"] == "1"
    assert wheels["UV_FIND_LINKS"] == "https://mirror.lan/wheels/"


def test_units_start_with_the_machine_by_links_of_ours_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "UNITS", tmp_path)
    wants = tmp_path / units.WANTS
    wants.mkdir()
    (wants / "ssh.service").symlink_to("/lib/systemd/system/ssh.service")
    units.link_boot(units.FRONT, units.app(1))
    units.link_boot(units.FRONT, units.app(2))
    links = {link.name: str(link.readlink()) for link in wants.glob("paas-*")}
    assert links == {
        "paas-front.service": f"{tmp_path}/paas-front.service",
        "paas-app@2.service": f"{tmp_path}/paas-app@.service",
    }
    units.link_boot()
    assert [link.name for link in wants.iterdir()] == ["ssh.service"]


def test_units_name_the_program_and_lose_their_sandbox_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(units, "version", lambda: 252)
    full = units.texts(sandboxed=True)["paas-app@.service"]
    assert "ReadWritePaths=/srv/app/data /srv/app/cache /srv/app/tmp\n" in full
    assert "/usr/local/lib/paas/paas-guest run %i\n" in full
    assert "RestartSteps" not in full
    bare = units.texts(sandboxed=False)["paas-app@.service"]
    assert "ProtectSystem" not in bare
    assert "NoNewPrivileges=yes" in bare
    monkeypatch.setattr(units, "version", lambda: 257)
    assert "RestartSteps=8" in units.texts(sandboxed=True)["paas-app@.service"]


def test_the_state_is_read_back_and_a_new_guest_serves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "STATE", tmp_path)
    assert state.read() == state.State()
    state.write(state.State(4, "127.0.0.1", 20001))
    assert state.read() == state.State(4, "127.0.0.1", 20001)
    assert state.path().stat().st_mode & 0o777 == 0o644


def test_output_is_followed_in_whole_lines_until_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "STATE", tmp_path)
    places.work_folder().mkdir()
    output, result = (places.work_folder() / name for name in ("output", "result"))
    output.write_text("one\ntwo\nhal")
    first = jobs.follow(0, 5.0)
    assert first == {"lines": ["one", "two"], "offset": 8, "working": True}
    output.write_text("one\ntwo\nhalf")
    result.write_text('{"changed": true}')
    assert jobs.follow(8, 5.0) == {
        "lines": ["half"],
        "offset": 12,
        "working": False,
        "changed": True,
    }
    result.unlink()
    monkeypatch.setattr(units, "show", lambda unit: {"ActiveState": "failed", "Result": "oom-kill"})
    with pytest.raises(jobs.GuestError, match="it used more memory than the guest has"):
        jobs.follow(12, 60.0)


def test_the_work_of_one_request_does_what_it_says_and_forgets_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "STATE", tmp_path)
    places.work_folder().mkdir()
    monkeypatch.setattr(jobs.units, "is_active", lambda unit: False)
    started: list[tuple[str, ...]] = []
    monkeypatch.setattr(units, "control", lambda *words: started.append(words) or "")

    def work(request: jobs.Request, say: jobs.Say, live: str) -> jobs.Answer:
        say(f"at {request['what']}")
        raise jobs.GuestError("It broke.")

    monkeypatch.setitem(jobs.LOOKS, "x", lambda request: None)
    monkeypatch.setitem(jobs.WORKS, "x", work)
    assert jobs.submit({"job": "x", "what": "secret"}) == {"working": True}
    assert started == [("start", "--", units.WORK)]
    assert (places.work_folder() / "request").stat().st_mode & 0o777 == 0o600
    before = os.umask(0o022)
    try:
        assert jobs.work() == 0
    finally:
        os.umask(before)
    assert not (places.work_folder() / "request").exists()
    answer = jobs.follow(0, 5.0)
    assert (answer["lines"], answer["failed"]) == (["at secret"], "It broke.")
