"""Calls over SSH against a server in this process: who answers, what ends, what is kept."""

import io
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from paas.domain.errors import StepFailed, Unreachable
from paas.tools import ssh
from paas.tools.ssh import Account, Sessions, public_key
from paas.tools.ssh_link import Link, fingerprint, open_link

from .support import wait_for

DEADLINE = 60.0


def new_key() -> str:
    made = Ed25519PrivateKey.generate()
    return made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


class Server(paramiko.ServerInterface):
    """A guest's SSH server; commands are functions of what comes in."""

    def __init__(self, key: str) -> None:
        self.host_key = paramiko.Ed25519Key.from_private_key(io.StringIO(new_key()))
        self.allowed = public_key(key).split()[1]
        self.commands: list[str] = []
        self.connections: list[paramiko.Transport] = []
        self.answer: Callable[[paramiko.Channel, str], None] = echo
        self.accepts = threading.Event()
        self.accepts.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(line)
            transport.add_server_key(self.host_key)
            self.connections.append(transport)
            transport.start_server(event=threading.Event(), server=self)

    def close(self) -> None:
        self.accepts.set()
        self._listener.close()
        for transport in self.connections:
            transport.close()

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        is_known = username == "root" and key.get_base64() == self.allowed
        return paramiko.common.AUTH_SUCCESSFUL if is_known else paramiko.common.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.accepts.wait()
        self.commands.append(command.decode())
        run = threading.Thread(target=self.answer, args=(channel, command.decode()), daemon=True)
        run.start()
        return True


def echo(channel: paramiko.Channel, command: str) -> None:
    """Give the input back, with a word on the standard error and exit code 3."""
    parts = []
    while part := channel.recv(65536):
        parts.append(part)
    channel.sendall(b"".join(parts))
    channel.sendall_stderr("wörter".encode())
    channel.send_exit_status(3)
    channel.close()


def hang(channel: paramiko.Channel, command: str) -> None:
    """Never answer."""


def vanish(channel: paramiko.Channel, command: str) -> None:
    """Break the connection in the middle."""
    channel.sendall(b"half")
    channel.get_transport().close()


@pytest.fixture
def key() -> str:
    return new_key()


@pytest.fixture
def server(key: str) -> Iterator[Server]:
    made = Server(key)
    yield made
    made.close()


@pytest.fixture
def account(server: Server, key: str) -> Account:
    return Account("uuid-1", "shop-1a2b", "127.0.0.1", key, port=server.port)


@pytest.fixture
def sessions() -> Iterator[Sessions]:
    made = Sessions()
    yield made
    made.close()


def test_a_command_gets_its_words_and_its_input_whole(
    server: Server, account: Account, sessions: Sessions
) -> None:
    data = os.urandom(3_000_000)
    done = sessions.run(account, ["a b", "$(c)", "d'e"], data, deadline=DEADLINE)
    assert (done.code, done.output, done.errors) == (3, data, "wörter")
    assert server.commands == ["'a b' '$(c)' 'd'\"'\"'e'"]


def test_one_connection_serves_many_calls_also_at_once(
    server: Server, account: Account, sessions: Sessions
) -> None:
    sessions.run(account, ["first"], deadline=DEADLINE)
    calls = [
        threading.Thread(target=sessions.run, args=(account, [f"{n}"]), kwargs={"deadline": 60.0})
        for n in range(4)
    ]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    assert len(server.commands) == 5
    assert len(server.connections) == 1


def test_the_host_key_is_learned_and_then_the_only_one(
    server: Server, account: Account, sessions: Sessions
) -> None:
    learned = sessions.host_key(account, deadline=DEADLINE)
    assert learned == f"ssh-ed25519 {server.host_key.get_base64()}"
    known = replace(account, host_key=learned)
    assert sessions.run(known, ["x"], deadline=DEADLINE).code == 3

    stranger = replace(account, host_key=public_key(new_key()))
    for way in (sessions, Sessions()):
        with pytest.raises(StepFailed, match="Another machine answers") as caught:
            way.run(stranger, ["secret"], b"secret", deadline=DEADLINE)
        assert fingerprint(learned) in str(caught.value)
        assert account.title in str(caught.value)
    assert "secret" not in server.commands


def test_a_machine_without_a_key_of_that_type_is_another_machine(
    server: Server, account: Account, sessions: Sessions
) -> None:
    rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ=="
    with pytest.raises(StepFailed, match="no SSH host key of the type"):
        sessions.run(replace(account, host_key=rsa), ["x"], deadline=DEADLINE)


def test_a_key_that_is_not_let_in_is_said_and_may_be_mended(
    server: Server, account: Account, sessions: Sessions
) -> None:
    with pytest.raises(Unreachable, match="does not accept the platform's key for root"):
        sessions.run(replace(account, key=new_key()), ["x"], deadline=DEADLINE)


def test_nobody_there_is_unreachable_in_words(
    server: Server, account: Account, sessions: Sessions
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match="the connection is refused"):
        sessions.run(replace(account, port=port), ["x"], deadline=DEADLINE)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = replace(account, port=silent.getsockname()[1])
        with pytest.raises(Unreachable, match=f"{account.title} cannot be reached by SSH"):
            sessions.run(mute, ["x"], deadline=0.5)


def test_a_call_that_hangs_ends_at_its_deadline(
    server: Server, account: Account, sessions: Sessions
) -> None:
    server.answer = hang
    with pytest.raises(Unreachable, match="has not answered in time"):
        sessions.run(account, ["x"], deadline=2.0)
    server.answer = echo
    assert sessions.run(account, ["y"], deadline=DEADLINE).code == 3


def test_a_server_that_does_not_even_take_the_command_is_left_at_the_deadline(
    server: Server, account: Account, sessions: Sessions
) -> None:
    server.accepts.clear()
    server.answer = hang
    with pytest.raises(Unreachable, match="has not answered in time"):
        sessions.run(account, ["x"], deadline=2.0)


def test_readiness_is_asked_of_the_guest_as_it_is_now(
    server: Server, account: Account, sessions: Sessions
) -> None:
    sessions.run(account, ["x"], deadline=DEADLINE)
    sessions.host_key(account, deadline=DEADLINE)
    assert len(server.connections) == 2
    wait_for(lambda: not server.connections[0].is_active(), "the one before to be closed")
    sessions.run(account, ["y"], deadline=DEADLINE)
    assert len(server.connections) == 2


def test_a_connection_that_was_replaced_while_it_was_used_is_closed_after_its_use(
    server: Server, account: Account, sessions: Sessions
) -> None:
    answering = threading.Event()

    def answer_late(channel: paramiko.Channel, command: str) -> None:
        answering.wait()
        echo(channel, command)

    server.answer = answer_late
    codes: list[int] = []
    call = threading.Thread(
        target=lambda: codes.append(sessions.run(account, ["x"], deadline=DEADLINE).code)
    )
    call.start()
    wait_for(lambda: server.commands == ["x"], "the call to begin")
    sessions.host_key(account, deadline=DEADLINE)
    assert server.connections[0].is_active()
    answering.set()
    call.join()
    assert codes == [3]
    wait_for(lambda: not server.connections[0].is_active(), "the first one to be closed")
    assert server.connections[1].is_active()


def test_a_connection_that_breaks_during_a_call_is_not_tried_again(
    server: Server, account: Account, sessions: Sessions
) -> None:
    server.answer = vanish
    with pytest.raises(Unreachable):
        sessions.run(account, ["once"], deadline=DEADLINE)
    assert server.commands == ["once"]


def test_a_kept_connection_that_has_died_is_made_anew(
    server: Server, account: Account, sessions: Sessions
) -> None:
    sessions.run(account, ["x"], deadline=DEADLINE)
    server.connections[0].close()
    assert sessions.run(account, ["y"], deadline=DEADLINE).code == 3
    assert server.commands == ["x", "y"]


def test_idle_connections_are_closed_and_few_are_kept(server: Server, account: Account) -> None:
    opened: list[Link] = []

    def count(one: Account, patience: float) -> Link:
        opened.append(open_link(one, patience))
        return opened[-1]

    brief = Sessions(idle=0.2, open_link=count)
    brief.run(account, ["x"], deadline=DEADLINE)
    wait_for(lambda: not opened[0].is_alive, "the idle connection to be closed")

    few = Sessions(most=2, open_link=count)
    for number in range(4):
        few.run(replace(account, name=f"uuid-{number}"), ["x"], deadline=DEADLINE)
    wait_for(lambda: sum(link.is_alive for link in opened) == 2, "all but two to be closed")
    few.close()
    wait_for(lambda: not any(link.is_alive for link in opened), "the last ones to be closed")


def test_a_forked_child_leaves_its_parents_connections_alone(
    server: Server, account: Account, sessions: Sessions
) -> None:
    sessions.run(account, ["x"], deadline=DEADLINE)
    child = os.fork()
    if child == 0:
        # The server's threads live in the parent, so a new connection is all that can be seen.
        try:
            code = sessions.run(account, ["child"], deadline=DEADLINE).code
        finally:
            os._exit(0 if code == 3 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert len(server.connections) == 2
    assert sessions.run(account, ["y"], deadline=DEADLINE).code == 3
    assert len(server.connections) == 2


def test_the_private_key_is_in_no_representation(account: Account, key: str) -> None:
    assert "PRIVATE" not in repr(account)
    assert public_key(key).startswith("ssh-ed25519 ")


def test_a_connection_that_was_made_before_it_was_needed_is_new_once(
    server: Server, account: Account, sessions: Sessions
) -> None:
    sessions.warm_up(account)
    sessions.host_key(account, deadline=DEADLINE)
    assert len(server.connections) == 1
    sessions.host_key(account, deadline=DEADLINE)
    assert len(server.connections) == 2


def test_a_connection_that_was_made_long_ago_is_not_new(
    server: Server, account: Account, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "WARM_SECONDS", 0.0)
    sessions.warm_up(account)
    sessions.host_key(account, deadline=DEADLINE)
    assert len(server.connections) == 2


def test_a_connection_that_could_not_be_made_early_is_made_when_it_is_needed(
    server: Server, account: Account, sessions: Sessions
) -> None:
    with pytest.raises(Unreachable):
        sessions.warm_up(replace(account, port=1))
    with pytest.raises(StepFailed, match="Another machine answers"):
        sessions.warm_up(replace(account, host_key=f"ssh-ed25519 {'A' * 68}"))
    assert sessions.host_key(account, deadline=DEADLINE).startswith("ssh-ed25519 ")
