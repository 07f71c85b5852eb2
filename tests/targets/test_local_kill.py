"""Killing what keeps a local guest: no process is left over, and the guest comes back."""

import os
import signal
from pathlib import Path

from paas.domain.specs import GuestSpec
from paas.targets.local.target import LocalTarget
from tests.targets.conftest import Make
from tests.targets.support import (
    START,
    get,
    is_running,
    one,
    processes,
    put_release,
    release_spec,
    run,
    serve,
    start_release,
    status,
    supervisor,
    wait_for,
    wait_healthy,
)

# A child in a session of its own that ignores every polite signal.
STUBBORN = "setsid sh -c 'trap \"\" TERM HUP INT; while :; do sleep 1; done' &"


def hurry(target: LocalTarget, guest: GuestSpec) -> None:
    """Spare the removal afterwards the grace that the stubborn child would use up."""
    os.kill(supervisor(target, guest), signal.SIGKILL)


def test_an_app_ends_with_its_supervisor_and_is_revived(target: LocalTarget, make: Make) -> None:
    guest = make()
    serve(target, guest, start=f"{STUBBORN} {START}")
    wait_for(lambda: len(processes(target, guest)) >= 3, "the stubborn child")
    pids = [*processes(target, guest), int(str(one(target, guest)["keeper"]))]
    os.kill(supervisor(target, guest), signal.SIGKILL)
    wait_for(lambda: not any(is_running(pid) for pid in pids), "the end of the app")
    assert get(guest) is None
    assert target.revive(guest)
    assert not target.revive(guest)
    assert get(guest) == "hello"
    hurry(target, guest)


def test_an_app_ends_with_its_keeper_and_is_started_again(target: LocalTarget, make: Make) -> None:
    guest = make()
    serve(target, guest, start=f"{STUBBORN} {START}")
    wait_for(lambda: len(processes(target, guest)) >= 3, "the stubborn child")
    pids = processes(target, guest)
    os.kill(int(str(one(target, guest)["keeper"])), signal.SIGKILL)
    wait_for(lambda: not any(is_running(pid) for pid in pids), "the end of the app")
    wait_for(lambda: processes(target, guest), "another start")
    assert get(guest) == "hello"
    hurry(target, guest)


def test_what_survives_both_is_ended_before_the_revival(target: LocalTarget, make: Make) -> None:
    guest = make()
    serve(target, guest, start=f"{STUBBORN} {START}")
    wait_for(lambda: len(processes(target, guest)) >= 3, "the stubborn child")
    pids = processes(target, guest)
    keeper = int(str(one(target, guest)["keeper"]))
    # Stopped first, so that neither can clean up after the other.
    for pid in (supervisor(target, guest), keeper):
        os.kill(pid, signal.SIGSTOP)
    for pid in (keeper, supervisor(target, guest)):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_running(keeper), "the end of the keeper")
    assert target.revive(guest)
    assert not any(is_running(pid) for pid in pids)
    assert get(guest) == "hello"
    hurry(target, guest)


def test_a_removal_reaches_a_guest_without_supervisor(target: LocalTarget, make: Make) -> None:
    guest = make()
    release = serve(target, guest)
    argv = target.variables(guest, release)["paas_exec"]
    assert isinstance(argv, list)
    os.kill(supervisor(target, guest), signal.SIGKILL)
    left = run([*argv, "sh", "-c", "setsid sleep 600 >/dev/null 2>&1 & echo $!"])
    pid = int(left.stdout)
    target.remove(guest)
    assert not is_running(pid)
    assert not target.folder(guest).exists()


def test_a_revival_spares_a_build(target: LocalTarget, make: Make) -> None:
    guest = make()
    release = serve(target, guest)
    argv = target.variables(guest, release)["paas_exec"]
    assert isinstance(argv, list)
    pid = int(run([*argv, "sh", "-c", "setsid sleep 600 >/dev/null 2>&1 & echo $!"]).stdout)
    os.kill(supervisor(target, guest), signal.SIGKILL)
    assert target.revive(guest)
    assert is_running(pid)


def test_a_question_revives_a_dead_supervisor(target: LocalTarget, make: Make) -> None:
    guest = make()
    serve(target, guest)
    os.kill(supervisor(target, guest), signal.SIGKILL)
    target.start(guest)
    assert get(guest) == "hello"


def test_a_release_that_did_not_serve_yet_can_still_be_switched_to(
    target: LocalTarget, make: Make
) -> None:
    guest = make()
    serve(target, guest, environment={"SAY": "one"})
    second = release_spec(2)
    put_release(target, guest, second, environment={"SAY": "two"})
    start_release(target, guest, second)
    os.kill(supervisor(target, guest), signal.SIGKILL)
    assert target.revive(guest)
    assert get(guest) == "one"
    wait_healthy(target, guest, second)
    target.switch(guest, second)
    assert get(guest) == "two"


def test_a_stopped_guest_is_revived_as_stopped(target: LocalTarget, make: Make) -> None:
    guest = make()
    serve(target, guest)
    target.stop(guest)
    os.kill(supervisor(target, guest), signal.SIGKILL)
    assert target.revive(guest)
    assert status(target, guest)["wanted"] == "stopped"
    assert get(guest) is None
    target.start(guest)
    assert get(guest) == "hello"


def test_a_polite_end_ends_the_app_too(target: LocalTarget, make: Make) -> None:
    guest = make()
    serve(target, guest)
    pids = [*processes(target, guest), supervisor(target, guest)]
    os.kill(supervisor(target, guest), signal.SIGTERM)
    wait_for(lambda: not any(is_running(pid) for pid in pids), "the end")
    assert target.revive(guest)
    assert get(guest) == "hello"


def test_the_supervisor_is_marked_and_its_environment_clean(
    target: LocalTarget, make: Make
) -> None:
    guest = make()
    text = Path(f"/proc/{supervisor(target, guest)}/environ").read_text()
    names = {entry.partition("=")[0] for entry in text.split("\0") if entry}
    assert names == {"PAAS_SUPERVISOR", "PATH", "LANG"}
    assert f"PAAS_SUPERVISOR={guest.uuid}" in text
