"""deploy, redeploy, stop, start, destroy against a fake platform."""

from typing import Any

import pytest

from paas.cli import watch
from paas.cli.exits import FAILED, INTERRUPTED, NOT_SIGNED_IN, OK, REFUSED, UNREACHABLE, USAGE

from .conftest import Paas
from .fake import APP_ID, FakePlatform, deployment

DEPLOY = ("deploy", "https://github.com/acme/shop", "--framework", "flask", "--name", "shop")
GOOD: list[Any] = [
    ("step", "fetch", "started"),
    ("log", "git", "fetched 1a2b3c"),
    ("step", "fetch", "done"),
    ("status", "platform", "provisioning"),
    ("step", "provision", "started"),
    ("step", "provision", "done"),
    {"status": "running", "operation": None},
    ("status", "platform", "running"),
]
BAD: list[Any] = [
    ("step", "fetch", "started"),
    ("log", "git", "repository acme/shop does not exist"),
    ("step", "fetch", "failed"),
    ("step", "fetch", "undone"),
    {"status": "failed", "operation": None, "error_message": "acme/shop does not exist."},
    ("status", "platform", "failed"),
]


def test_deploys_and_follows_to_the_end(fake: FakePlatform, paas: Paas) -> None:
    fake.script = GOOD
    result = paas(*DEPLOY)
    assert result.code == OK
    assert result.out.startswith("shop is running at http://127.77.0.1:5000 (")
    assert "step fetch: started" in result.err
    assert "step provision: done in 1.0 s" in result.err
    assert "fetched" not in result.err
    request = fake.asked("POST", "/api/deploy")[0]
    assert request.headers["Prefer"] == "respond-async"
    assert request.body == {
        "name": "shop",
        "deployment_type": "lxc",
        "framework": "flask",
        "github_url": "https://github.com/acme/shop",
    }


def test_sends_every_option(fake: FakePlatform, paas: Paas) -> None:
    fake.script = GOOD
    options = "--type vm --cores 2 --memory 1024 --disk 12 --branch b --ref v1 --port 8080"
    more = ["--env", "A=1=2", "--env", "B=", "--start", "./run me", "--health-path", "/up"]
    assert paas(*DEPLOY, *options.split(), *more).code == OK
    assert fake.asked("POST")[0].body | {} == {
        "name": "shop",
        "deployment_type": "vm",
        "framework": "flask",
        "github_url": "https://github.com/acme/shop",
        "resources": {"cores": 2, "memory": 1024, "disk": 12},
        "branch": "b",
        "ref": "v1",
        "environment": {"A": "1=2", "B": ""},
        "start_command": "./run me",
        "health_path": "/up",
        "port": 8080,
    }


def test_json_is_one_document_with_the_steps(fake: FakePlatform, paas: Paas) -> None:
    fake.script = GOOD
    result = paas(*DEPLOY, "--json")
    assert result.document["success"] is True
    assert result.document["deployment"]["id"] == APP_ID
    assert result.document["steps"][0] == {"name": "fetch", "state": "done", "seconds": 2.0}
    assert "step fetch" in result.err


def test_a_failed_deployment_says_why_and_shows_its_last_lines(
    fake: FakePlatform, paas: Paas
) -> None:
    fake.script = BAD
    result = paas(*DEPLOY)
    assert result.code == FAILED
    assert "  git: repository acme/shop does not exist" in result.err
    assert "The deployment of shop failed: acme/shop does not exist." in result.err
    assert result.out == ""


def test_a_failure_as_json_keeps_the_deployment(fake: FakePlatform, paas: Paas) -> None:
    fake.script = BAD
    result = paas(*DEPLOY, "--json")
    assert result.code == FAILED
    assert result.document["success"] is False
    assert result.document["exit_code"] == FAILED
    assert result.document["deployment"]["status"] == "failed"
    assert result.document["steps"][0]["state"] == "failed"
    assert "does not exist" in result.document["errors"][0]


def test_a_refusal_names_every_broken_rule(fake: FakePlatform, paas: Paas) -> None:
    errors = ["Invalid GitHub URL", "name: 3-50 characters"]
    fake.answers["POST /api/deploy"] = [(400, {"success": False, "errors": errors})] * 2
    result = paas(*DEPLOY)
    assert (result.code, result.err.splitlines()) == (REFUSED, errors)
    assert paas(*DEPLOY, "--json").document["errors"] == errors


def test_detach_returns_with_the_id(fake: FakePlatform, paas: Paas) -> None:
    result = paas(*DEPLOY, "--detach")
    assert (result.code, result.out) == (OK, f"{APP_ID}\n")
    assert not fake.asked("GET", "/events")


def test_a_broken_stream_is_taken_up_where_it_broke(fake: FakePlatform, paas: Paas) -> None:
    fake.script = GOOD
    fake.break_after = [2, 1, 3]
    result = paas(*DEPLOY, "--verbose")
    assert result.code == OK
    assert result.err.count("step fetch: started") == 1
    assert result.err.count("git: fetched 1a2b3c") == 1
    asked = [r.headers.get("Last-Event-ID") for r in fake.asked("GET", "/events")]
    assert asked[:4] == [None, "2", "3", "6"]


def test_a_full_platform_without_a_free_stream_hides_nothing(
    fake: FakePlatform, paas: Paas
) -> None:
    fake.script = GOOD
    busy = (503, {"success": False, "error": "Too many streams"})
    fake.answers[f"GET /api/deployments/{APP_ID}/events"] = [busy] * 50
    assert paas(*DEPLOY).code == OK


def test_a_request_that_was_cut_off_is_repeated_with_its_key(
    fake: FakePlatform, paas: Paas
) -> None:
    fake.script = GOOD
    fake.drop_requests = 2
    assert paas(*DEPLOY).code == OK
    keys = {r.headers["Idempotency-Key"] for r in fake.asked("POST")}
    assert (len(fake.asked("POST")), len(keys)) == (3, 1)


def test_interrupting_leaves_the_deployment_and_says_so(
    fake: FakePlatform, paas: Paas, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_self: watch.Watch, _event: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watch.Watch, "_take", interrupt)
    fake.script = GOOD
    result = paas(*DEPLOY)
    assert result.code == INTERRUPTED
    assert "The deployment of shop goes on; `paas logs -f shop` follows it." in result.err
    assert not fake.asked("DELETE")


def test_nobody_there(paas: Paas, fake: FakePlatform) -> None:
    paas.url = "http://127.0.0.1:1"
    result = paas(*DEPLOY)
    assert result.code == UNREACHABLE
    assert "paas run" in result.err


def test_not_signed_in(fake: FakePlatform, paas: Paas) -> None:
    fake.token = "secret"
    result = paas(*DEPLOY)
    assert result.code == NOT_SIGNED_IN
    assert "--token-file" in result.err


def test_a_bad_pair_is_a_usage_error_and_nothing_is_sent(fake: FakePlatform, paas: Paas) -> None:
    result = paas(*DEPLOY, "--env", "NOPE")
    assert result.code == USAGE
    assert "KEY=VALUE" in result.err
    assert fake.requests == []


def test_redeploy_follows_only_the_new_work(fake: FakePlatform, paas: Paas) -> None:
    fake.deployments = [deployment()]
    fake.event("step", "fetch", "failed")
    fake.events[0]["at"] = "2001-01-01T00:00:00Z"
    fake.script = GOOD
    result = paas("redeploy", "SHOP", "--ref", "v2")
    assert result.code == OK
    assert "step fetch: failed" not in result.err
    assert fake.asked("POST")[0].path == f"/api/deployments/{APP_ID}/redeploy"
    assert fake.asked("POST")[0].body == {"ref": "v2"}


def test_a_failed_redeploy_fails_though_the_old_release_runs(
    fake: FakePlatform, paas: Paas
) -> None:
    fake.deployments = [deployment()]
    why = "The tests of the build failed."
    fake.script = [{"operation": None, "error_message": why}, ("status", "platform", "running")]
    result = paas("redeploy", APP_ID)
    assert result.code == FAILED
    assert why in result.err


@pytest.mark.parametrize(("verb", "state"), [("stop", "stopped"), ("start", "running")])
def test_power(fake: FakePlatform, paas: Paas, verb: str, state: str) -> None:
    fake.deployments = [deployment(status="unknown", error_message="an old story")]
    fake.script = [{"status": state, "operation": None}, ("status", "platform", state)]
    result = paas(verb, "shop")
    assert result.code == OK
    assert f"shop is {state}" in result.out


def test_a_busy_app_refuses(fake: FakePlatform, paas: Paas) -> None:
    fake.deployments = [deployment()]
    busy = {"success": False, "error": "shop is being deployed"}
    fake.answers[f"POST /api/deployments/{APP_ID}/stop"] = [(409, busy)]
    result = paas("stop", "shop")
    assert (result.code, result.err) == (REFUSED, "shop is being deployed\n")


def test_destroy_asks_nobody_with_yes(fake: FakePlatform, paas: Paas) -> None:
    fake.deployments = [deployment()]
    fake.script = [{"status": "deleted", "operation": None}, ("status", "platform", "deleted")]
    assert paas("destroy", "shop", "--yes").code == OK
    assert fake.asked("DELETE")[0].path == f"/api/deployments/{APP_ID}"


@pytest.mark.parametrize(("verb", "status"), [("restart", "running"), ("shutdown", "stopped")])
def test_restart_and_shutdown(fake: FakePlatform, paas: Paas, verb: str, status: str) -> None:
    fake.deployments = [deployment()]
    fake.script = [("step", verb, "started"), {"status": status, "operation": None}]
    result = paas(verb, "shop")
    assert (result.code, result.out.split(" (")[0].split(" at ")[0]) == (OK, f"shop is {status}")
    assert fake.asked("POST")[0].path == f"/api/deployments/{APP_ID}/{verb}"


def test_a_restart_after_which_the_app_does_not_answer(fake: FakePlatform, paas: Paas) -> None:
    fake.deployments = [deployment()]
    fake.script = [{"operation": None, "error_message": "It does not answer."}]
    result = paas("restart", "shop")
    assert (result.code, "It does not answer." in result.err) == (FAILED, True)


def test_destroy_understands_an_answer_that_came_at_once(fake: FakePlatform, paas: Paas) -> None:
    fake.deployments = [deployment(status="deleted")]
    done = {"success": True, "message": "Deployment deleted successfully"}
    fake.answers[f"DELETE /api/deployments/{APP_ID}"] = [(200, done)]
    assert paas("destroy", APP_ID, "--yes").code == OK


def test_destroy_without_a_person_wants_yes(
    fake: FakePlatform, paas: Paas, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.deployments = [deployment()]
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert paas("destroy", "shop").code == USAGE
    assert not fake.asked("DELETE")


def test_destroy_takes_no_for_an_answer(
    fake: FakePlatform, paas: Paas, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.deployments = [deployment()]
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda *_a, **_k: False)
    result = paas("destroy", "shop")
    assert (result.code, result.err) == (INTERRUPTED, "Nothing was destroyed.\n")
    assert not fake.asked("DELETE")
