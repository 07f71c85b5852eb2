"""Real Terraform with a tiny module and a tiny backend; its commands compared as lists."""

import json
import os
import shutil
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from paas.domain.errors import StepFailed
from paas.tools.terraform import (
    Binary,
    Change,
    Plan,
    Terraform,
    TerraformFailed,
    Workspace,
    check_plan,
    find_terraform,
    take_errored_state,
)
from paas.tools.terraform_output import Reader
from paas.tools.terraform_workspace import Name, render_root

from .support import bench

CHECKOUT = Path(__file__).resolve().parents[2]
MODULE = """
variable "greeting" {
  type = string
}

variable "word" {
  type      = string
  default   = "hush"
  sensitive = true
}

resource "terraform_data" "guest" {
  triggers_replace = var.greeting
  input            = var.greeting

  provisioner "local-exec" {
    interpreter = ["/bin/sh", "-c"]
    command     = "echo made \\"$GREETING\\"; test \\"$GREETING\\" != fail"
    environment = { GREETING = var.greeting }
  }
}

output "greeting" {
  value = terraform_data.guest.output
}
"""


class StateServer:
    """A backend that keeps one state in memory; ``broken`` refuses to store."""

    username, password = "terraform", "secret"

    def __init__(self) -> None:
        self.state: bytes | None = None
        self.locks: list[str] = []
        self.broken = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.check(self.headers["Authorization"])
                self.answer(200 if outer.state else 404, outer.state or b"")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if not outer.broken:
                    outer.state = body
                self.answer(409 if outer.broken else 200, b"")

            def do_LOCK(self) -> None:
                self.take_lock()

            def do_UNLOCK(self) -> None:
                self.take_lock()

            def take_lock(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.locks.append(self.command)
                self.answer(200, b"")

            def answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}/state"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def check(self, authorization: str | None) -> None:
        expected = b64encode(f"{self.username}:{self.password}".encode()).decode()
        assert authorization == f"Basic {expected}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def resources(self) -> list[object]:
        return list(json.loads(self.state or b'{"resources": []}')["resources"])


@pytest.fixture(scope="module")
def binary() -> Binary:
    try:
        return find_terraform("", os.environ["PATH"], CHECKOUT / ".tools")
    except StepFailed as error:
        pytest.skip(error.message)


@pytest.fixture
def server() -> Iterator[StateServer]:
    server = StateServer()
    yield server
    server.close()


@pytest.fixture
def log() -> list[tuple[str, str]]:
    return []


class Maker:
    """Makes a Terraform for a greeting, all in one folder."""

    def __init__(
        self, folder: Path, binary: Binary, server: StateServer, log: list[tuple[str, str]]
    ) -> None:
        self.folder, self._binary, self._server, self._log = folder, binary, server, log
        self.module = folder / "module"
        self.module.mkdir()
        (self.module / "main.tf").write_text(MODULE)

    def __call__(self, greeting: str) -> Terraform:
        folder = self.folder / "work"
        workspace = Workspace.make(folder, self.module, {"greeting": greeting})
        tools = bench(self._log)
        return Terraform(self._binary, workspace, tools, self._server, self.folder / "shared")


@pytest.fixture
def make(tmp_path: Path, binary: Binary, server: StateServer, log: list[tuple[str, str]]) -> Maker:
    return Maker(tmp_path, binary, server, log)


def test_a_guest_is_made_seen_and_removed(
    make: Maker, server: StateServer, log: list[tuple[str, str]]
) -> None:
    address = "module.guest.terraform_data.guest"
    plan = make("hello").plan()
    assert plan.changes == (Change(address, "create"),)
    check_plan(plan, {"create"})
    assert make("hello").apply().outputs == {"greeting": "hello"}
    assert len(server.resources) == 1
    assert server.locks[:2] == ["LOCK", "UNLOCK"]
    assert ("terraform", f"{address}: (local-exec): made hello") in log
    assert make("hello").plan().is_empty
    assert make("hello").plan(destroy=True).changes == (Change(address, "delete"),)
    make("hello").apply()
    assert server.resources == []


def test_a_replacement_is_refused_by_its_address(make: Maker) -> None:
    make("hello").plan()
    make("hello").apply()
    plan = make("good day").plan()
    with pytest.raises(StepFailed, match=r"planned to replace module.guest.terraform_data.guest"):
        check_plan(plan, {"create", "delete"})


def test_values_stay_literal(make: Maker, tmp_path: Path) -> None:
    greeting = '${file("/etc/passwd")} %{ if true } {{ 1 }} "; touch x'
    make(greeting).plan()
    assert make(greeting).apply().outputs == {"greeting": greeting}
    assert greeting not in (tmp_path / "work" / "main.tf").read_text()


def test_one_init_serves_all(make: Maker, tmp_path: Path) -> None:
    first = make("a").prepare()
    (first / "note").write_text("")
    assert make("b").prepare() == first
    assert (first / "note").exists()
    (make.module / "main.tf").write_text(MODULE + "\n")
    assert make("a").prepare() != first


def test_a_failing_provisioner_is_told_with_its_output(
    make: Maker, log: list[tuple[str, str]]
) -> None:
    make("fail").plan()
    with pytest.raises(TerraformFailed, match=r"could not apply the plan: local-exec") as failure:
        make("fail").apply()
    assert "exit status 1" in failure.value.message
    assert failure.value.errored_state is None
    assert ("terraform", "module.guest.terraform_data.guest: (local-exec): made fail") in log


def test_a_state_that_cannot_be_stored_is_handed_over(make: Maker, server: StateServer) -> None:
    make("hello").plan()
    server.broken = True
    with pytest.raises(TerraformFailed) as failure:
        make("hello").apply()
    assert failure.value.errored_state is not None
    assert json.loads(failure.value.errored_state)["resources"]
    assert take_errored_state(make.folder / "work") is None


def test_a_broken_module_is_told_in_a_sentence(make: Maker) -> None:
    (make.module / "main.tf").write_text(MODULE.replace("var.greeting", "var.nothing"))
    with pytest.raises(TerraformFailed, match="undeclared input variable") as failure:
        make("hello").plan()
    assert "\n" not in failure.value.message


def test_a_value_that_the_module_does_not_know_is_refused(make: Maker) -> None:
    with pytest.raises(StepFailed, match="has no variable 'other'"):
        Workspace.make(make.folder / "x", make.module, {"other": 1})


def test_the_configuration_can_be_taken_home(make: Maker, binary: Binary, tmp_path: Path) -> None:
    home = tmp_path / "home"
    workspace = Workspace.make(home, make.module, {"greeting": "hello"}, backend=False)
    assert "backend" not in (home / "main.tf").read_text()
    terraform = Terraform(binary, workspace, bench(), None, tmp_path / "shared")
    terraform.plan()
    terraform.apply()
    assert terraform.plan().is_empty


def test_the_commands_are_what_they_are(tmp_path: Path) -> None:
    binary = Binary(Path("/opt/terraform"), "1.11.4", "Terraform")
    terraform = Terraform(binary, Workspace(tmp_path, "x"), bench(), None, tmp_path)
    assert terraform.init_command() == ["/opt/terraform", "init", "-input=false", "-no-color"]
    assert terraform.plan_command() == [
        *("/opt/terraform", "plan", "-json", "-input=false", "-out=plan")
    ]
    assert terraform.plan_command(destroy=True)[-1] == "-destroy"
    assert terraform.apply_command() == ["/opt/terraform", "apply", "-json", "-input=false", "plan"]
    with pytest.raises(AttributeError):
        terraform.aply()
    with pytest.raises(NotImplementedError):
        terraform.destroy()


def test_the_root_module_passes_names_through() -> None:
    text = render_root([Name("port", False), Name("key", True)], [Name("url", False)], backend=True)
    assert 'backend "http" {}' in text
    assert 'variable "key" {\n  sensitive = true\n}' in text
    assert "port = var.port" in text
    assert "value = module.guest.url" in text


@pytest.mark.parametrize("action", ["delete", "replace", "update", "remove", "import"])
def test_what_is_not_named_is_refused(action: str) -> None:
    plan = Plan((Change("a.b", "noop"), Change("a.c", action)))
    with pytest.raises(StepFailed, match=f"planned to {action} a.c"):
        check_plan(plan, {"create"})
    check_plan(plan, {action})


def test_drift_is_kept_apart_and_crashes_are_passed_on() -> None:
    said: list[str] = []
    reader = Reader(said.append)
    drift = {"type": "resource_drift", "@message": "a.b: Drift detected (update)"}
    reader.read(json.dumps({**drift, "change": {"resource": {"addr": "a.b"}, "action": "update"}}))
    reader.read("panic: oh no")
    assert reader.plan() == Plan((), (Change("a.b", "update"),))
    assert said == ["a.b: Drift detected (update)", "panic: oh no"]
    assert reader.failure("plan the guest") == (
        "Terraform could not plan the guest: panic: oh no",
        "panic: oh no",
    )


def test_what_was_killed_is_told_from_what_failed() -> None:
    reader = Reader(lambda line: None)
    assert reader.was_killed(137)
    assert not reader.was_killed(1)
    reader.read_plain("Error: Plugin did not respond")
    assert reader.was_killed(1)


def write_fake(path: Path, version: str) -> Path:
    answer = json.dumps({"terraform_version": version})
    path.write_text(f"#!/bin/sh\nif [ \"$2\" ]; then echo '{answer}'; else echo OpenTofu; fi\n")
    path.chmod(0o755)
    return path


def test_the_setting_wins_and_must_be_new_enough(tmp_path: Path) -> None:
    good = write_fake(tmp_path / "tofu-x", "1.9.0")
    old = write_fake(tmp_path / "terraform", "1.5.7")
    assert find_terraform(str(good), str(tmp_path), tmp_path) == Binary(good, "1.9.0", "OpenTofu")
    with pytest.raises(StepFailed, match=r"terraform is of version 1.5.7.*PAAS_TERRAFORM"):
        find_terraform(str(old), str(tmp_path), tmp_path)


def test_the_fetched_one_is_found_when_the_path_has_none(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    tofu = write_fake(tools / "tofu", "1.10.1")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert find_terraform("", str(empty), tools).path == tofu
    shutil.rmtree(tools)
    with pytest.raises(StepFailed, match=r"no Terraform or OpenTofu of version 1.8 or newer"):
        find_terraform("", str(empty), tools)
