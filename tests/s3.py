"""An S3 server on loopback, and one that refuses in the words it is given."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from uuid import uuid4

from moto.server import ThreadedMotoServer

from paas.tools.object_store import Bucket, ObjectStore

ACCESS, SECRET = "an-access-key", "the-secret-key-that-nobody-sees"


@contextmanager
def server() -> Iterator[str]:
    """The URL of a store that keeps what it is given until the block ends."""
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        running.stop()


def bucket(url: str, prefix: str = "", name: str = "") -> Bucket:
    """A new empty bucket, with a name of its own unless one is given."""
    made = Bucket(name or f"b-{uuid4().hex[:20]}", ACCESS, SECRET, url, prefix=prefix)
    ObjectStore(made)._client.create_bucket(Bucket=made.name)
    return made


@contextmanager
def refusing(status: int, code: str) -> Iterator[str]:
    """The URL of a store that answers everything with this error."""

    class Refusing(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        running.server_close()
