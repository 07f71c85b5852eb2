"""What Proxmox's sentences mean, as a table; texts are Proxmox's own."""

import pytest

from paas.tools.proxmox_errors import (
    Aborted,
    Failure,
    Locked,
    Missing,
    ProxmoxError,
    Refused,
    Taken,
    Unreachable,
    from_answer,
    from_provider,
    from_text,
)
from paas.tools.proxmox_words import decisive_line, doing_words, task_words

TOKEN = "paas@pve!platform"
MEANINGS = [
    ("CT is locked (backup)", Locked),
    ("VM is locked (clone)", Locked),
    ("can't lock file '/run/lock/lxc/pve-config-100.lock' - got timeout", Locked),
    ("CT 200 already exists on node 'pve1'", Taken),
    ("unable to create CT 130 - CT 130 already exists on node 'pve1'", Taken),
    ("unable to create VM 131: config file already exists", Taken),
    ("snapshot name 'paas-1' already used", Taken),
    ("Configuration file 'nodes/pve1/lxc/120.conf' does not exist", Missing),
    ("unable to find configuration file for CT 120 on node 'pve1'", Missing),
    ("storage 'nosuch' does not exist", Missing),
    ("storage 'local' is not available on node 'pve2'", Missing),
    ("unable to create CT 111 - volume 'local:vztmpl/x.tar.zst' does not exist", Missing),
    ("snapshot 'paas-1' does not exist", Missing),
    ("bridge 'vmbr7' does not exist", Missing),
    ("hostname lookup 'pve9' failed - failed to get address info for: pve9", Missing),
    ("cluster not ready - no quorum?", Unreachable),
    ("storage 'nfs' is not online", Unreachable),
    ("rados_connect failed - Connection timed out", Unreachable),
    ("unexpected status", Aborted),
    ("received interrupt", Aborted),
    ("CT 200 already running", ProxmoxError),
    ("VM quit/powerdown failed - got timeout", ProxmoxError),
    ("SSH public key validation error", ProxmoxError),
    ("startup for container '120' failed", ProxmoxError),
]


@pytest.mark.parametrize(("text", "kind"), MEANINGS)
def test_a_sentence_means_one_thing(text: str, kind: type[Exception]) -> None:
    assert type(from_text("making container 120", text)) is kind


def answer(status: int, reason: str, fields: dict[str, object] | None = None) -> Failure:
    return from_answer("making container 120", status, reason, fields or {}, token=TOKEN, pool="p")


@pytest.mark.parametrize(
    ("status", "reason", "fields", "message"),
    [
        (
            400,
            "Parameter verification failed.",
            {"memory": "type check ('integer') failed\n", "vmid": "too small"},
            "Making container 120 failed: memory: type check ('integer') failed; vmid: too small.",
        ),
        (500, "got timeout.\n", {}, "Making container 120 failed: got timeout."),
        (500, "", {}, "Making container 120 failed: no reason given."),
        (
            501,
            "Method 'GET /x' not implemented",
            {},
            "Making container 120 failed: Method 'GET /x' not implemented. "
            "Proxmox VE 8 or 9 is needed.",
        ),
    ],
)
def test_an_answer_becomes_a_sentence(
    status: int, reason: str, fields: dict[str, object], message: str
) -> None:
    assert str(answer(status, reason, fields)) == message


def test_what_only_root_may_do_has_no_command() -> None:
    why = "changing feature flags (except nesting) is only allowed for root@pam"
    found = answer(403, f"Permission check failed ({why})")
    assert type(found) is Refused
    assert "pveum" not in str(found)


def test_a_privilege_of_several_names_each() -> None:
    found = answer(
        403, "Permission check failed (/storage/s, Datastore.AllocateSpace|Datastore.Audit)"
    )
    assert "lacks Datastore.AllocateSpace or Datastore.Audit on /storage/s" in str(found)


def test_a_pool_that_is_missing_is_no_missing_right() -> None:
    found = answer(403, "Permission check failed (pool 'p' does not exist)")
    assert isinstance(found, Missing)
    assert found.what == "pool"


def test_a_long_reason_is_cut() -> None:
    assert len(str(answer(500, "x" * 10_000))) < 1000


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("post", "/nodes/pve1/lxc", "making container 7 on node pve1"),
        ("post", "/nodes/pve1/qemu/9/clone", "cloning VM 9 on node pve1 to 8"),
        ("post", "/nodes/pve1/lxc/7/status/start", "starting container 7 on node pve1"),
        ("post", "/nodes/pve1/lxc/7/status/reboot", "restarting container 7 on node pve1"),
        ("post", "/nodes/pve1/qemu/7/snapshot/a/rollback", "restoring VM 7 on node pve1"),
        ("delete", "/nodes/pve1/qemu/7", "removing VM 7 on node pve1"),
        ("get", "/nodes/pve1/storage/local/content", "looking at storage local of node pve1"),
        ("get", "/else", "GET /else"),
    ],
)
def test_calls_have_words(method: str, path: str, words: str) -> None:
    assert doing_words(method, path, {"vmid": 7, "newid": 8}) == words


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (
            "Container create: All attempts fail:\n"
            "#1: error creating container: received an HTTP 500 response - Reason: got timeout\n"
            "#2: error creating container: received an HTTP 595 response - Reason: No route to "
            "host (module.guest.proxmox_virtual_environment_container.guest)",
            Unreachable,
            "Creating container failed: No route to host. Its node does not answer.",
        ),
        (
            "error cloning VM: received an HTTP 403 response - Reason: Permission check failed "
            "(/vms/9000, VM.Clone) (module.guest.proxmox_virtual_environment_vm.guest)",
            Refused,
            "Cloning VM was refused: the token paas@pve!platform lacks VM.Clone on /vms/9000.",
        ),
        (
            'Container create: task "UPID:pve1:1:2:3:vzcreate:120:a@b!c:" failed to complete with '
            "exit code: unable to create CT 120 - exit code 2\ntask log:\n"
            "  tar: x: No space left on device\n  TASK ERROR: exit code 2",
            ProxmoxError,
            "Making container 120 on node pve1 failed: unable to create CT 120 - exit code 2 "
            "(tar: x: No space left on device).",
        ),
    ],
)
def test_what_terraform_was_answered_is_told(text: str, kind: type[Failure], message: str) -> None:
    error = from_provider(text, token=TOKEN, pool="paas")
    assert isinstance(error, kind)
    assert error.message.startswith(message)


def test_what_terraform_says_of_itself_is_left_to_it() -> None:
    assert from_provider("Error: Invalid function argument", token=TOKEN, pool="paas") is None


def test_tasks_have_words() -> None:
    assert task_words("UPID:pve1:1:2:3:qmstart:7:a@b!c:") == "starting VM 7 on node pve1"
    assert task_words("UPID:pve1:1:2:3:other:7:a@b!c:") == "task other 7 on node pve1"
    assert task_words("strange") == "task strange"


def test_the_decisive_line_is_the_one_that_tells_more() -> None:
    log = ["extracting archive", "tar: x: No space left on device", "tar: error is not recoverable"]
    assert decisive_line([*log, "TASK ERROR: exit code 2"], "exit code 2") == log[1]
    assert decisive_line(["all is well"], "exit code 2") == ""
    assert decisive_line(["No space left"], "volume 'x' does not exist") == "No space left"
    assert decisive_line(["Permission denied"], "volume 'x' does not exist") == ""
