"""list, show, logs, terraform, and the ways to a token."""

import stat
from pathlib import Path

import pytest

from paas.cli.client import Client
from paas.cli.exits import NOT_SIGNED_IN, OK, REFUSED, UNREACHABLE, USAGE, CliFailure

from .conftest import Paas
from .fake import APP_ID, FakePlatform, deployment


def test_list_is_a_table(fake: FakePlatform, paas: Paas) -> None:
    fake.deployments = [deployment(), deployment(name="a-long-name", access_url=None)]
    lines = paas("list").out.splitlines()
    assert lines[0].split() == ["NAME", "STATUS", "FRAMEWORK", "TYPE", "ADDRESS", "AGE", "ID"]
    assert lines[1].split()[:5] == ["shop", "running", "flask", "lxc", "http://127.77.0.1:5000"]
    assert lines[2].split()[4] == "127.77.0.1"
    assert lines[1].index("running") == lines[2].index("running")


def test_list_goes_through_all_pages(fake: FakePlatform, paas: Paas) -> None:
    fake.deployments = [deployment(name=f"shop-{n}") for n in range(5)]
    fake.page = 2
    document = paas("list", "--json").document
    assert [d["name"] for d in document["deployments"]] == [f"shop-{n}" for n in range(5)]


def test_list_asks_for_what_is_wanted(fake: FakePlatform, paas: Paas) -> None:
    result = paas("list", "--status", "failed", "--search", "a b&c")
    assert result.out == "There are no deployments.\n"
    assert fake.requests[0].path == "/api/deployments?status=failed&search=a+b%26c"
    assert paas("list", "--status", "odd").code == USAGE


def test_show_by_name_in_any_case_and_by_id(fake: FakePlatform, paas: Paas) -> None:
    fake.deployments = [deployment(name="shop-2", id="2"), deployment()]
    assert paas("show", "Shop", "--json").document["deployment"]["id"] == APP_ID
    assert "resources.memory  256" in paas("show", APP_ID).out


@pytest.mark.parametrize("reference", ["nosuch", "99999999-2222-4333-8444-555555555555"])
def test_show_nothing(fake: FakePlatform, paas: Paas, reference: str) -> None:
    result = paas("show", reference, "--json")
    assert (result.code, result.document["success"]) == (REFUSED, False)


def test_what_a_server_sends_does_not_steer_the_terminal(fake: FakePlatform, paas: Paas) -> None:
    fake.deployments = [deployment(error_message="\x1b]0;owned\x07\x1b[31mred\x9b\u202e")]
    fake.answers[f"GET /api/deployments/{APP_ID}/logs"] = [
        (200, {"success": True, "logs": "one\r\ntwo\x1b[2J\rthree\n"})
    ]
    out = paas("show", "shop").out + paas("logs", "shop").out
    assert not set(out) & set("\x1b\x07\x9b\u202e\r")
    assert r"\x1b]0;owned\x07red\x9b\u202e" in out
    assert "one\ntwo\\x1b[2J\\x0dthree\n" in out


def test_logs_follow_until_it_is_deleted(fake: FakePlatform, paas: Paas) -> None:
    fake.deployments = [deployment()]
    fake.event("log", "git", "first")
    fake.event("log", "ansible", "\x1b[32msecond\x1b[0m")
    fake.event("status", "platform", "deleted")
    fake.break_after = [1]
    assert paas("logs", "-f", "shop").out == "git: first\nansible: second\nstatus: deleted\n"


def test_terraform_is_written_for_this_user_alone(
    fake: FakePlatform, paas: Paas, tmp_path: Path
) -> None:
    fake.deployments = [deployment()]
    target = tmp_path / "shop.zip"
    assert paas("terraform", "shop", "-o", str(target)).code == OK
    assert target.read_bytes() == b"PK zip"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["shop.zip"]


def test_terraform_into_nowhere(fake: FakePlatform, paas: Paas, tmp_path: Path) -> None:
    fake.deployments = [deployment()]
    result = paas("terraform", "shop", "-o", str(tmp_path / "no" / "shop.zip"))
    assert "cannot be written: No such file or directory." in result.err


def test_the_token_of_a_file(fake: FakePlatform, paas: Paas, tmp_path: Path) -> None:
    fake.token = "secret"
    (tmp_path / "t").write_text("secret\n")
    assert paas("--token-file", str(tmp_path / "t"), "list").code == OK
    (tmp_path / "t").write_text("two\nlines")
    assert paas("--token-file", str(tmp_path / "t"), "list").code == USAGE
    assert paas("--token-file", str(tmp_path / "nosuch"), "list").code == USAGE


def test_the_token_of_the_environment(
    fake: FakePlatform, paas: Paas, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.token = "secret"
    monkeypatch.setenv("PAAS_API_TOKEN", "wrong")
    assert paas("list").code == NOT_SIGNED_IN
    monkeypatch.setenv("PAAS_API_TOKEN", "secret")
    assert paas("list").code == OK


def test_the_token_of_this_machine_is_shown_only_when_asked_for(
    fake: FakePlatform, paas: Paas, tmp_path: Path
) -> None:
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / "token").write_text("secret\n")
    assert paas("list").code == OK
    assert "Authorization" not in fake.requests[-1].headers
    fake.token = "secret"
    assert paas("list").code == OK


def test_the_token_of_this_machine_stays_here(tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("secret")
    assert not Client("http://paas.example", token_file=token_file)._take_token()
    assert Client("http://127.0.0.2:1", token_file=token_file)._take_token()
    assert Client("http://[::1]:1", token_file=token_file)._take_token()


@pytest.mark.parametrize("url", ["nonsense", "ftp://x", "http://", "http://x:99999", "http://x:y"])
def test_no_address(url: str) -> None:
    with pytest.raises(CliFailure) as caught:
        Client(url)
    assert caught.value.code == USAGE


@pytest.mark.parametrize("status", [200, 302, 500])
def test_something_else_answers(fake: FakePlatform, paas: Paas, status: int) -> None:
    fake.answers["GET /api/deployments"] = [(status, {"hello": "world"})]
    assert paas("list").code == UNREACHABLE
