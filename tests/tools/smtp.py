"""A tiny SMTP server on loopback, for letters that are really sent."""

import asyncio
import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def serving(post: Post) -> Iterator[Post]:
    """Serve ``post`` on a port of its own until the end of the block."""
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()
    ready = threading.Event()

    async def serve() -> None:
        server = await asyncio.start_server(
            lambda reader, writer: _talk(post, reader, writer), "127.0.0.1", 0
        )
        post.port = server.sockets[0].getsockname()[1]
        ready.set()
        await ended.wait()
        server.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(DEADLINE)
    try:
        yield post
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(DEADLINE)


async def _talk(post: Post, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    def say(*lines: str) -> None:
        writer.write("".join(f"{line}\r\n" for line in lines).encode())

    is_tls = False
    if not post.silent:
        say("220 post.example ESMTP")
    try:
        while line := (await reader.readline()).decode().strip():
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO":
                    offers = ["250-post.example"]
                    offers += ["250-STARTTLS"] if post.tls and not is_tls else []
                    offers += ["250-AUTH PLAIN"] if post.login else []
                    say(*offers, "250 8BITMIME")
                case "STARTTLS":
                    say("220 go ahead")
                    await writer.start_tls(post.tls)  # type: ignore[arg-type]
                    is_tls = True
                case "AUTH":
                    given = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
                    say("235 welcome" if tuple(given[1:]) == post.login else "535 who is that")
                case "RCPT":
                    refused = post.refuses and post.refuses in rest
                    say("550 nobody of that name" if refused else "250 ok")
                    if not refused:
                        post.recipients.append(rest)
                case "DATA":
                    say("354 go on")
                    data = await reader.readuntil(b"\r\n.\r\n")
                    # SMTP doubles a dot at the beginning of a line on its way.
                    text = data[:-5].replace(b"\r\n..", b"\r\n.")
                    found = message_from_bytes(text, policy=policy.default)
                    post.letters.append(found)  # type: ignore[arg-type]
                    post.over_tls.append(is_tls)
                    say("250 taken")
                    post.arrived.set()
                case "QUIT":
                    say("221 bye")
                    break
                case _:
                    say("250 ok")
    except (ConnectionError, ssl.SSLError):
        return
    finally:
        writer.close()
