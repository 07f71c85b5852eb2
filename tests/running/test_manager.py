"""The manager with tiny children: it restarts them, ends them, and nothing outlives it."""

import json
import os
import signal
from collections.abc import Callable

from tests.running.support import FakePlatform, alive, wait_for

Start = Callable[..., FakePlatform]


def test_a_killed_child_comes_back(start_fake: Start) -> None:
    platform = start_fake("web")
    first = platform.wait_pid("web")
    os.kill(first, signal.SIGKILL)
    second = platform.wait_pid("web", but=(first,))
    assert alive(second)
    assert "web ended (killed by signal 9); starting it again in 0.25 s" in platform.shown()


def test_children_die_with_a_killed_manager(start_fake: Start) -> None:
    platform = start_fake("first", "web", "worker")
    children = [platform.wait_pid(name) for name in ("first", "web", "worker")]
    platform.process.kill()
    platform.wait_end()
    wait_for(lambda: not any(alive(pid) for pid in children), "the end of all children")


def test_sigterm_ends_all_children_and_then_the_manager(start_fake: Start) -> None:
    platform = start_fake("first", "web")
    platform.wait_text("ready")
    children = [platform.wait_pid(name) for name in ("first", "web")]
    platform.process.terminate()
    assert platform.wait_end() == 0
    assert not any(alive(pid) for pid in children)


def test_ctrl_c_waits_for_terraform_and_says_so(start_fake: Start) -> None:
    platform = start_fake("first", "web", "worker")
    first, web, worker, terraform = (
        platform.wait_pid(name) for name in ("first", "web", "worker", "terraform")
    )
    platform.press_ctrl_c()
    platform.wait_text(
        "waiting for Terraform of 1 operation to end, up to 60 s; press Ctrl-C again"
    )
    wait_for(lambda: not alive(web), "the end of web")
    assert alive(terraform), "Ctrl-C must not reach Terraform"
    assert alive(worker)
    assert alive(first), "what others need ends last"
    (platform.folder / "done").touch()
    assert platform.wait_end() == 0
    assert not alive(first)


def test_a_second_ctrl_c_ends_everything_at_once(start_fake: Start) -> None:
    platform = start_fake("first", "web", "worker")
    pids = [platform.wait_pid(name) for name in ("first", "web", "worker", "terraform")]
    platform.press_ctrl_c()
    platform.wait_text("press Ctrl-C again")
    platform.press_ctrl_c()
    assert platform.wait_end() == 0
    wait_for(lambda: not any(alive(pid) for pid in pids), "the end of every process")


def test_an_idle_platform_does_not_speak_of_terraform(start_fake: Start) -> None:
    platform = start_fake("web")
    platform.wait_text("ready")
    platform.wait_pid("web")
    platform.press_ctrl_c()
    assert platform.wait_end() == 0
    assert "Terraform" not in platform.shown()


def test_the_output_of_children_becomes_json_lines(start_fake: Start) -> None:
    platform = start_fake("chatty")
    platform.wait_text("end")
    platform.process.terminate()
    platform.wait_end()
    lines = (platform.folder / "logs" / "paas.log").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    said = [record["message"] for record in records if record["role"] == "chatty"]
    assert said[:5] == [
        "plain words",
        "a record",
        '{"type": "foreign json"}',
        "two",
        "lines \x1b[31mred\x1b[0m \x07",
    ]
    assert "".join(said[5:-1]) == "x" * 200_000
    assert next(record for record in records if record["message"] == "a record")["n"] == 1


def test_the_terminal_gets_no_control_characters_of_others(start_fake: Start) -> None:
    platform = start_fake("chatty")
    shown = platform.wait_text("end")
    assert "lines red ?" in shown
    assert "\x1b" not in shown


def test_a_child_that_never_starts_ends_the_start_with_its_reason(start_fake: Start) -> None:
    platform = start_fake("first", "dead")
    assert platform.wait_end() == 1
    assert "dead ended 4 times while the platform was starting, last exit code 3" in (
        platform.shown()
    )
    assert not any(alive(pid) for pid in platform.pids("first"))
