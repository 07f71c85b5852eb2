"""A tiny SMTP server on loopback, for letters that are really sent."""

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

DEADLINE = 30.0


@dataclass
class Post:
    """What the server is like, and what it was given."""

    tls: ssl.SSLContext | None = None
    login: tuple[str, str] | None = None
    refuses: str = ""
    silent: bool = False
    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    over_tls: list[bool] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> EmailMessage:
        """The next letter; the one that is waited for may come from another thread."""
        assert self.arrived.wait(DEADLINE), "no letter came"
        self.arrived.clear()
        return self.letters[-1]


class _Talk(socketserver.StreamRequestHandler):
    """One client's conversation."""

    server: "_Server"
    is_tls = False

    def handle(self) -> None:
        if not self.server.post.silent:
            self.say("220 post.example ESMTP")
        with suppress(OSError):
            while line := self.rfile.readline().decode().strip():
                verb, _, rest = line.partition(" ")
                answer = getattr(self, f"on_{verb.lower()}", None)
                if answer is None:
                    self.say("250 ok")
                else:
                    answer(rest)

    def say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    def on_ehlo(self, _name: str) -> None:
        post = self.server.post
        offers = ["250-STARTTLS"] if post.tls and not self.is_tls else []
        offers += ["250-AUTH PLAIN"] if post.login else []
        self.say("250-post.example", *offers, "250 8BITMIME")

    def on_starttls(self, _rest: str) -> None:
        assert self.server.post.tls is not None
        self.say("220 go ahead")
        self.request = self.server.post.tls.wrap_socket(self.request, server_side=True)
        self.is_tls = True
        self.setup()

    def on_auth(self, rest: str) -> None:
        given = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
        right = tuple(given[1:]) == self.server.post.login
        self.say("235 welcome" if right else "535 who is that")

    def on_rcpt(self, rest: str) -> None:
        post = self.server.post
        if post.refuses and post.refuses in rest:
            self.say("550 nobody of that name")
        else:
            post.recipients.append(rest)
            self.say("250 ok")

    def on_data(self, _rest: str) -> None:
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            # SMTP doubles a dot at the beginning of a line on its way.
            lines.append(line[1:] if line.startswith(b"..") else line)
        found = message_from_bytes(b"".join(lines), policy=policy.default)
        post = self.server.post
        post.letters.append(found)  # type: ignore[arg-type]
        post.over_tls.append(self.is_tls)
        self.say("250 taken")
        post.arrived.set()

    def on_quit(self, _rest: str) -> None:
        self.say("221 bye")
        self.connection.close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, post: Post) -> None:
        self.post = post
        super().__init__(("127.0.0.1", 0), _Talk)


@contextmanager
def serving(post: Post) -> Iterator[Post]:
    """Serve ``post`` on a port of its own until the end of the block."""
    with _Server(post) as server:
        post.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield post
        finally:
            server.shutdown()
            thread.join(DEADLINE)
