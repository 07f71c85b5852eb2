"""drift, reconcile, adopt and remove."""

from typing import Any

import pytest

from paas.cli.exits import FAILED, INTERRUPTED, OK, REFUSED, UNREACHABLE, USAGE

from .conftest import Paas
from .fake import APP_ID, FakePlatform, deployment

OTHER_ID = "11111111-2222-4333-8444-666666666666"
DRIFT = {
    "target": "proxmox_lxc",
    "vmid": 100,
    "node": "pve2",
    "differences": [{"name": "memory", "wanted": "256", "found": "512"}],
}
STRAY = {
    "kind": "unknown",
    "endpoint": "pve.example.com",
    "vmid": 100777,
    "node": "pve1",
    "name": "shop-1\x1b[2J",
    "says": "The guest 100777 carries this installation's marker, and no row speaks for it.",
    "mend": "paas adopt 100777, or paas remove 100777",
}


def drift(*differences: dict[str, str], **changes: Any) -> tuple[int, dict[str, Any]]:
    found = DRIFT | {"differences": list(differences)} | changes
    return 200, {"success": True, "drift": found}


def report(*guests: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return 200, {"success": True, "guests": list(guests)}


def path(app_id: str = APP_ID) -> str:
    return f"/api/deployments/{app_id}/drift"


def test_drift_of_one(fake: FakePlatform, paas: Paas) -> None:
    fake.deployments = [deployment()]
    fake.answers[f"GET {path()}"] = [(200, {"success": True, "drift": DRIFT})] * 2
    lines = paas("drift", "shop").out.splitlines()
    assert [line.split() for line in lines] == [
        ["NAME", "VMID", "NODE", "WHAT", "SHOULD", "BE", "IS"],
        ["shop", "100", "pve2", "memory", "256", "512"],
    ]
    document = paas("drift", "shop", "--json").document
    assert document == {
        "success": True,
        "deployments": [{"id": APP_ID, "name": "shop", "drift": DRIFT}],
    }


def test_drift_of_all_looks_at_those_that_have_a_guest(fake: FakePlatform, paas: Paas) -> None:
    fake.deployments = [deployment(), deployment(name="new", id=OTHER_ID, vm_id=None)]
    fake.answers[f"GET {path()}"] = [drift()]
    result = paas("drift")
    assert (result.code, result.out) == (OK, "Nothing differs.\n")
    assert not fake.asked("GET", OTHER_ID)


def test_drift_goes_on_behind_a_guest_that_does_not_answer(fake: FakePlatform, paas: Paas) -> None:
    fake.deployments = [deployment(name="lost", id=OTHER_ID), deployment()]
    away = {"success": False, "error": "Node pve1 is offline"}
    fake.answers[f"GET {path(OTHER_ID)}"] = [(503, away)] * 2
    fake.answers[f"GET {path()}"] = [(200, {"success": True, "drift": DRIFT})] * 2
    result = paas("drift")
    assert (result.code, result.err) == (UNREACHABLE, "lost: Node pve1 is offline\n")
    assert "shop" in result.out
    document = paas("drift", "--json").document
    assert (document["success"], document["exit_code"]) == (False, UNREACHABLE)
    assert document["errors"] == ["lost: Node pve1 is offline"]
    assert [one["name"] for one in document["deployments"]] == ["lost", "shop"]


@pytest.mark.parametrize("answer", ["adopt", "repair"])
def test_drift_is_answered(fake: FakePlatform, paas: Paas, answer: str) -> None:
    fake.deployments = [deployment()]
    fake.script = [{"operation": None}]
    result = paas("drift", "shop", f"--{answer}")
    assert result.code == OK
    assert result.out.startswith("shop is running at http://127.77.0.1:5000 (")
    (request,) = fake.asked("POST")
    assert (request.path, request.body) == (path(), {"answer": answer})
    assert request.headers["Prefer"] == "respond-async"


@pytest.mark.parametrize(("answer", "code"), [("adopt", OK), ("repair", FAILED)])
def test_a_guest_that_is_gone(fake: FakePlatform, paas: Paas, answer: str, code: int) -> None:
    fake.deployments = [deployment()]
    gone = "The app's guest was gone, and that was accepted."
    fake.script = [{"operation": None, "status": "failed", "error_message": gone}]
    result = paas("drift", "shop", f"--{answer}")
    assert result.code == code
    assert gone in (result.out if code == OK else result.err)


def test_an_adoption_that_fails(fake: FakePlatform, paas: Paas) -> None:
    fake.deployments = [deployment()]
    fake.script = [{"operation": None, "error_message": "vmid 100 is another's guest now"}]
    result = paas("drift", "shop", "--adopt")
    assert (result.code, "another's guest" in result.err) == (FAILED, True)


def test_an_answer_is_for_one(fake: FakePlatform, paas: Paas) -> None:
    result = paas("drift", "--repair")
    assert (result.code, "Name the deployment" in result.err) == (USAGE, True)
    assert fake.requests == []


@pytest.mark.parametrize(("options", "method"), [((), "POST"), (("--dry-run",), "GET")])
def test_reconcile(fake: FakePlatform, paas: Paas, options: tuple[str, ...], method: str) -> None:
    fake.answers[f"{method} /api/reconcile"] = [report(STRAY)]
    lines = paas("reconcile", *options).out.splitlines()
    assert lines[0].split() == ["KIND", "VMID", "NODE", "NAME", "WHAT"]
    assert lines[1].split()[:4] == ["unknown", "100777", "pve1", "shop-1\\x1b[2J"]
    assert lines[2] == "mend: paas adopt 100777, or paas remove 100777"
    assert len(fake.requests) == 1


def test_reconcile_finds_nothing(fake: FakePlatform, paas: Paas) -> None:
    fake.answers["POST /api/reconcile"] = [report(), report()]
    assert paas("reconcile").out == "Every guest is on the books.\n"
    assert paas("reconcile", "--json").document == {"success": True, "guests": []}


def test_adopt(fake: FakePlatform, paas: Paas) -> None:
    adopted = {"id": APP_ID, "name": "shop", "status": "failed"}
    answer = (200, {"success": True, "message": "...", "deployment": adopted})
    fake.answers["POST /api/guests/100777/adopt"] = [answer]
    result = paas("adopt", "100777", "--endpoint", "pve.example.com")
    assert result.out == (
        "Guest 100777 is deployment shop now; `paas redeploy shop` brings a release into it.\n"
    )
    assert fake.requests[0].body == {"endpoint": "pve.example.com"}


def test_adopt_is_refused(fake: FakePlatform, paas: Paas) -> None:
    answer = (409, {"success": False, "error": "The name 'shop' is taken"})
    fake.answers["POST /api/guests/100777/adopt"] = [answer]
    result = paas("adopt", "100777")
    assert (result.code, result.err) == (REFUSED, "The name 'shop' is taken\n")
    assert fake.requests[0].body == {}


@pytest.mark.parametrize("vmid", ["shop", "99", "1000000000", "-100"])
@pytest.mark.parametrize("verb", ["adopt", "remove"])
def test_what_is_no_number(fake: FakePlatform, paas: Paas, verb: str, vmid: str) -> None:
    assert paas(verb, vmid).code == USAGE
    assert fake.requests == []


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that a person was asked; every answer is no."""
    questions: list[str] = []

    def confirm(question: str, **_: object) -> bool:
        questions.append(question)
        return False

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", confirm)
    return questions


def test_remove_says_what_it_will_remove(fake: FakePlatform, paas: Paas, asked: list[str]) -> None:
    fake.answers["GET /api/reconcile"] = [report(STRAY)]
    result = paas("remove", "100777")
    assert (result.code, result.err) == (INTERRUPTED, "Nothing was removed.\n")
    (question,) = asked
    assert "guest 100777 (shop-1\\x1b[2J on pve1 of pve.example.com) with its disks" in question
    assert not fake.asked("POST")


def test_remove_asks_nothing_about_anothers_guest(
    fake: FakePlatform, paas: Paas, asked: list[str]
) -> None:
    foreign = STRAY | {"kind": "foreign", "says": "The guest 100777 is another's.", "mend": ""}
    fake.answers["GET /api/reconcile"] = [report(foreign), report()]
    result = paas("remove", "100777")
    assert (result.code, "is another's" in result.err) == (REFUSED, True)
    result = paas("remove", "100777")
    assert (result.code, "no guest 100777" in result.err) == (REFUSED, True)
    assert not asked
    assert not fake.asked("POST")


def test_remove_without_a_question(fake: FakePlatform, paas: Paas, asked: list[str]) -> None:
    answer = (200, {"success": True, "message": "The guest is removed", "guest": STRAY})
    fake.answers["POST /api/guests/100777/remove"] = [answer]
    assert paas("remove", "100777", "--yes").out == "Guest 100777 is gone.\n"
    assert not asked
