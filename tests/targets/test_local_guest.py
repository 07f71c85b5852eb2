"""A local guest from its making to its end: real processes, real sockets."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from paas.domain.errors import ForeignGuest, StepFailed
from paas.domain.specs import GuestSpec, ReleaseSpec, Resources
from paas.targets.contract import Presence
from paas.targets.local.target import LocalTarget
from tests.targets.conftest import Make
from tests.targets.support import (
    START,
    create,
    get,
    guest_spec,
    is_running,
    log,
    one,
    processes,
    put_release,
    release_spec,
    run,
    serve,
    start_release,
    status,
    supervisor,
    variables,
    wait_for,
    wait_healthy,
)


def test_a_release_serves_at_the_guests_address(target: LocalTarget, make: Make) -> None:
    guest = make()
    assert target.observe(guest) is Presence.OURS
    serve(target, guest)
    assert get(guest) == "hello"
    wait_for(lambda: "listening" in log(target, guest), "the app's output")


def test_making_a_guest_twice_changes_nothing(target: LocalTarget, make: Make) -> None:
    guest = make()
    serve(target, guest)
    before = supervisor(target, guest)
    create(target, guest)
    assert supervisor(target, guest) == before
    assert get(guest) == "hello"


def test_removing_leaves_neither_process_nor_folder(target: LocalTarget, make: Make) -> None:
    guest = make()
    serve(target, guest)
    pids = [supervisor(target, guest), *processes(target, guest)]
    target.remove(guest)
    assert not any(is_running(pid) for pid in pids)
    assert list(target.folder(guest).parent.iterdir()) == []
    assert target.observe(guest) is Presence.ABSENT
    target.remove(guest)


def test_folders_that_a_build_made_read_only_are_removed(target: LocalTarget, make: Make) -> None:
    guest = make()
    locked = target.folder(guest) / "home" / "cache" / "module"
    locked.mkdir()
    (locked / "file").touch()
    locked.chmod(0o555)
    target.remove(guest)
    assert target.observe(guest) is Presence.ABSENT


def test_the_guest_of_another_is_not_touched(target: LocalTarget, make: Make) -> None:
    guest = make()
    serve(target, guest)
    stranger = replace(guest, marker=f"another/{guest.uuid}")
    assert target.observe(stranger) is Presence.FOREIGN
    with pytest.raises(ForeignGuest):
        target.remove(stranger)
    with pytest.raises(ForeignGuest):
        target.revive(stranger)
    values = target.values(stranger)
    argv = [str(values["python"]), "-I", "-S", str(values["program"]), "create"]
    assert run(argv, variables(target, stranger)).returncode == 3
    assert get(guest) == "hello"


def test_a_folder_without_a_marker_is_not_ours(target: LocalTarget, installation: str) -> None:
    guest = guest_spec(target, installation)
    target.folder(guest).mkdir()
    assert target.observe(guest) is Presence.FOREIGN
    with pytest.raises(ForeignGuest):
        target.remove(guest)


def test_a_new_release_starts_beside_the_old_one(target: LocalTarget, make: Make) -> None:
    guest = make()
    first = serve(target, guest, environment={"SAY": "one"})
    old = processes(target, guest)
    second = release_spec(2)
    put_release(target, guest, second, environment={"SAY": "two"})
    start_release(target, guest, second)
    wait_healthy(target, guest, second)
    assert get(guest) == "one"
    target.switch(guest, second)
    assert get(guest) == "two"
    wait_for(lambda: not any(is_running(pid) for pid in old), "the end of the old release")
    target.retire(guest, first)
    target.retire(guest, first)
    assert not (target.folder(guest) / "home/releases/1").exists()
    assert not (target.folder(guest) / "home/releases/1.env.json").exists()


def test_a_switch_does_not_cut_an_answer_off(target: LocalTarget, make: Make) -> None:
    guest = make()
    serve(target, guest, environment={"SAY": "one"})
    with socket.create_connection((guest.address, guest.port)) as line:
        line.sendall(b"GET / HTTP/1.0\r\n")
        # The first byte is only known to have arrived once the release has the connection.
        wait_for(lambda: _is_connected(one(target, guest)["port"]), "the connection")
        serve(target, guest, 2, environment={"SAY": "two"})
        line.sendall(b"\r\n")
        assert line.makefile("rb").read().endswith(b"one")
    assert get(guest) == "two"


def end_begun(target: LocalTarget, guest: GuestSpec) -> tuple[ReleaseSpec, list[int]]:
    """A release that takes its time to end, now that a second one serves; and its processes."""
    stubborn = "trap 'echo ending' TERM; (trap '' TERM; exec python3 app.py) & wait; wait"
    first = serve(target, guest, start=stubborn)
    old = processes(target, guest)
    serve(target, guest, 2, environment={"SAY": "two"})
    wait_for(lambda: "ending" in log(target, guest), "the end of the first release to begin")
    return first, old


def test_a_release_whose_end_has_begun_serves_again(target: LocalTarget, make: Make) -> None:
    guest = make()
    first, old = end_begun(target, guest)
    target.switch(guest, first)
    assert get(guest) == "hello"
    wait_for(lambda: not any(is_running(pid) for pid in old), "its old processes to end")
    assert get(guest) == "hello"


def test_a_release_whose_end_has_begun_is_started_anew(target: LocalTarget, make: Make) -> None:
    guest = make()
    first, old = end_begun(target, guest)
    start_release(target, guest, first)
    assert not any(is_running(pid) for pid in old)
    wait_healthy(target, guest, first)
    assert get(guest) == "two"


def _is_connected(port: object) -> bool:
    wanted = f":{int(str(port)):04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1].endswith(wanted) and row[3] == "01" for row in rows)


def test_the_serving_release_cannot_be_retired(target: LocalTarget, make: Make) -> None:
    guest = make()
    release = serve(target, guest)
    with pytest.raises(StepFailed, match="serves"):
        target.retire(guest, release)
    assert get(guest) == "hello"


def test_starting_a_release_twice_leaves_it_alone(target: LocalTarget, make: Make) -> None:
    guest = make()
    release = release_spec()
    put_release(target, guest, release)
    port = start_release(target, guest, release)
    wait_healthy(target, guest, release)
    pids = processes(target, guest)
    assert start_release(target, guest, release) == port
    assert processes(target, guest) == pids
    put_release(target, guest, release, environment={"SAY": "changed"})
    start_release(target, guest, release)
    wait_healthy(target, guest, release)
    target.switch(guest, release)
    assert get(guest) == "changed"


def test_a_stopped_app_refuses_connections(target: LocalTarget, make: Make) -> None:
    guest = make()
    serve(target, guest)
    pids = processes(target, guest)
    target.stop(guest)
    assert get(guest) is None
    assert not any(is_running(pid) for pid in pids)
    target.stop(guest)
    target.start(guest)
    assert get(guest) == "hello"
    target.start(guest)


def test_two_apps_that_bind_every_address_keep_apart(target: LocalTarget, make: Make) -> None:
    guests = [make(), make()]
    for number, guest in enumerate(guests):
        serve(target, guest, environment={"BIND": "0.0.0.0", "SAY": f"app {number}"})
    assert [get(guest) for guest in guests] == ["app 0", "app 1"]


def test_an_app_may_listen_on_ipv6_loopback_only(target: LocalTarget, make: Make) -> None:
    guest = make()
    code = (
        "import http.server,os,socket;"
        "http.server.ThreadingHTTPServer.address_family=socket.AF_INET6;"
        "http.server.ThreadingHTTPServer(('::1',int(os.environ['PORT'])),"
        "http.server.SimpleHTTPRequestHandler).serve_forever()"
    )
    serve(target, guest, start=f'exec python3 -c "{code}"')
    assert "app.py" in (get(guest) or "")


def test_an_app_that_ignores_port_is_told_so(target: LocalTarget, make: Make) -> None:
    guest = make()
    release = release_spec()
    put_release(target, guest, release, start="PORT=0; exec python3 app.py")
    start_release(target, guest, release)
    wait_for(
        lambda: "it must listen on the port" in target.health(guest, release).reason,
        "the reason that names the port",
    )
    assert not target.health(guest, release).ready


def test_a_stolen_port_does_not_answer_for_the_release(target: LocalTarget, make: Make) -> None:
    guest = make()
    release = release_spec()
    put_release(
        target, guest, release, start="while [ ! -e go ]; do sleep 0.05; done; exec sleep 60"
    )
    port = start_release(target, guest, release)
    with socket.create_server(("127.0.0.1", port)):
        (target.folder(guest) / "home/releases/1/go").touch()
        health = target.health(guest, release)
        assert not health.ready
        assert "not of this release" in health.reason


def test_health_follows_the_status(target: LocalTarget, make: Make) -> None:
    guest = make()
    serve(target, guest)
    for path, ready in (("/404", True), ("/499", True), ("/500", False), ("/503", False)):
        health = target.health(guest, release_spec(1, health_path=path))
        assert (health.ready, health.fatal) == (ready, False), health
        assert path[1:] in health.reason
    odd = target.health(guest, release_spec(1, health_path="/a b\r\nX-Evil: 1"))
    assert odd.ready


def test_an_app_that_keeps_ending_is_hopeless(target: LocalTarget, make: Make) -> None:
    guest = make()
    release = release_spec()
    put_release(target, guest, release, start="echo no database >&2; exit 7")
    start_release(target, guest, release)
    wait_for(lambda: target.health(guest, release).fatal, "the verdict")
    assert "no database" in target.health(guest, release).reason
    assert any("exit status 7" in line for line in log(target, guest))


def test_a_crashed_app_is_started_again(target: LocalTarget, make: Make) -> None:
    guest = make()
    serve(target, guest)
    (pid,) = processes(target, guest)
    os.kill(pid, 9)
    wait_for(lambda: processes(target, guest) not in ([], [pid]), "another process")
    assert get(guest) == "hello"
    assert any("SIGKILL" in line for line in log(target, guest))


def test_everything_that_an_app_started_ends_with_it(target: LocalTarget, make: Make) -> None:
    guest = make()
    daemon = "(setsid sh -c 'trap \"\" TERM HUP; echo $$ >daemon; while :; do sleep 1; done' &)"
    serve(target, guest, start=f"{daemon}; {START}")
    note = target.folder(guest) / "home/releases/1/daemon"
    wait_for(lambda: note.exists() and note.read_text().strip(), "the daemon's note")
    pid = int(note.read_text())
    assert is_running(pid)
    # Whatever refuses to end is killed after its grace.
    target.stop(guest)
    assert not is_running(pid)


def test_an_app_over_its_memory_is_ended(target: LocalTarget, make: Make) -> None:
    guest = make(resources=Resources(1, 64, 5))
    serve(
        target,
        guest,
        start="python3 -c \"x = b'x' * 2**28; import time; time.sleep(600)\" & exec python3 app.py",
    )
    wait_for(
        lambda: any("its guest has 64 MB" in line for line in log(target, guest)),
        "the sentence about memory",
    )


def test_other_resources_are_taken_on(target: LocalTarget, make: Make) -> None:
    guest = make()
    serve(target, guest)
    pids = processes(target, guest)
    larger = replace(guest, resources=Resources(os.cpu_count() or 1, 512, 9))
    target.wait_ready(larger, 30)
    assert processes(target, guest) == pids
    assert len(os.sched_getaffinity(pids[0])) == len(os.sched_getaffinity(0))


def test_cores_are_processors(target: LocalTarget, make: Make) -> None:
    guest = make()
    serve(target, guest)
    assert len(os.sched_getaffinity(processes(target, guest)[0])) == 1


def test_the_log_is_cut_into_lines_and_bounded(target: LocalTarget, make: Make) -> None:
    guest = make()
    flood = "python3 -c \"print(('x' * 99999 + chr(10)) * 150)\""
    serve(target, guest, start=f"{flood}; printf 'a\\0b\\033[1m\\n'; {START}")
    wait_for(lambda: "a\0b\033[1m" in log(target, guest), "the odd line")
    assert all(len(line) <= 16 * 1024 for line in log(target, guest))
    files = list((target.folder(guest) / "log").glob("app.log*"))
    assert sum(file.stat().st_size for file in files) <= 2 * 5 * 1024 * 1024
    assert len(list(target.runtime_log(guest, limit=3))) == 3


def test_a_taken_address_is_told_in_words(target: LocalTarget, planned: Make) -> None:
    guest = planned()
    values = target.values(guest)
    argv = [str(values["python"]), "-I", "-S", str(values["program"]), "create"]
    with socket.create_server((guest.address, guest.port)):
        done = run(argv, variables(target, guest))
    assert done.returncode == 1
    assert f"cannot listen on {guest.address}:{guest.port}" in done.stderr


def test_exec_enters_the_guest(target: LocalTarget, make: Make) -> None:
    guest = make()
    release = release_spec()
    put_release(target, guest, release, environment={"A": "$(id); {{ x }}\n", "PORT": "1"})
    given = target.variables(guest, release)
    argv = given["paas_exec"]
    assert isinstance(argv, list)
    done = run([*argv, "sh", "-c", 'pwd; id -u; echo "$PORT $HOME $A"'], {"SECRET": "x"})
    folder = Path(str(given["paas_app_folder"]))
    home = target.folder(guest) / "home"
    assert done.stdout == f"{folder}\n{given['paas_owner_uid']}\n8000 {home} $(id); {{{{ x }}}}\n\n"
    assert "SECRET" not in run([*argv, "env"], {"SECRET": "x"}).stdout
    assert run([*argv, "no-such-program"]).returncode == 127


def test_a_deep_instance_is_no_obstacle(target: LocalTarget, installation: str) -> None:
    deep = LocalTarget(
        target.folder(guest_spec(target, installation)) / ("d" * 100),
        installation,
        "127.77.0.0/16",
        frameworks={},
        environment=target._environment,
        run=target._run,
        uv=target._uv,
    )
    guest = guest_spec(deep, installation)
    try:
        create(deep, guest)
        assert status(deep, guest)["wanted"] == "running"
    finally:
        deep.remove(guest)


def test_a_guests_user_sees_only_its_own(
    target: LocalTarget, make: Make, instance: Path, is_root: bool
) -> None:
    key = instance / "secret.key"
    key.write_text("secret")
    key.chmod(0o600)
    guest, other = make(), make()
    release = release_spec()
    put_release(target, guest, release)
    put_release(target, other, release)
    argv = target.variables(guest, release)["paas_exec"]
    assert isinstance(argv, list)
    closed = [
        key,
        target.folder(other) / "home/releases/1/app.py",
        target.folder(guest) / "guest.json",
        target.folder(guest) / "platform.json",
    ]
    for path in closed:
        # Without root all guests are one user, which is why the target is for one person.
        assert (run([*argv, "cat", str(path)]).returncode != 0) == is_root
    listing = run([*argv, "ls", str(instance)])
    assert (listing.returncode != 0) == is_root
    told = run([*argv, "grep", "NoNewPrivs", "/proc/self/status"]).stdout
    assert told.split() == ["NoNewPrivs:", "1"]
    speak = "import socket,sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    descriptor = f"{target.folder(guest)}/ctl"
    refused = run([*argv, "python3", "-c", speak, descriptor])
    assert (refused.returncode != 0) == is_root


def test_links_of_a_guest_do_not_lead_a_removal_astray(
    target: LocalTarget, make: Make, instance: Path
) -> None:
    guest = make()
    precious = instance / "precious"
    (precious / "1").mkdir(parents=True)
    releases = target.folder(guest) / "home/releases"
    releases.rmdir()
    releases.symlink_to(precious)
    target.retire(guest, release_spec())
    assert (precious / "1").is_dir()
