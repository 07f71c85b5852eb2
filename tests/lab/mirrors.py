"""Serves the package mirrors on the lab's bridge: plain files over HTTP, and an npm registry."""

import http.server
import threading
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.lab.npm_registry import BASE

# More requests at a time than the guests of one lab make; the others wait in the socket's queue.
AT_ONCE = 32
IDLE_SECONDS = 30


class Mirrors(http.server.ThreadingHTTPServer):
    """``folders`` are served below ``/<key>/``; ``npm`` among them as a registry.

    ``served`` holds the paths that were answered with 200, in order.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: str, port: int, folders: dict[str, Path]) -> None:
        self.folders = folders
        self.served: list[str] = []
        self._free = threading.BoundedSemaphore(AT_ONCE)
        self._thread: threading.Thread | None = None
        super().__init__((address, port), _Handler)

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self) -> None:
        """Serve from a thread of its own until ``stop``."""
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), name="mirrors")
        self._thread.start()

    def stop(self) -> None:
        """End serving and close the socket."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
        self.server_close()

    def process_request_thread(self, request: object, client_address: object) -> None:
        with self._free:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    server: Mirrors

    def do_GET(self) -> None:
        key, _, name = self._asked().partition("/")
        if key == "npm" and "npm" in self.server.folders and "/-/" not in name:
            self._packument(self.server.folders["npm"], name)
        else:
            super().do_GET()

    def translate_path(self, path: str) -> str:
        key, _, rest = self._asked().partition("/")
        folder = self.server.folders.get(key)
        parts = rest.split("/")
        if folder is None or ".." in parts:
            return "/dev/null/nothing"
        found = str(folder.joinpath(*parts))
        return found + "/" if rest.endswith("/") or not rest else found

    def log_error(self, *args: object) -> None:
        """What went wrong is the client's to say."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        if code == HTTPStatus.OK:
            self.server.served.append(self._asked())

    def _asked(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/")

    def _packument(self, folder: Path, name: str) -> None:
        file = folder / name / "packument.json"
        if ".." in name.split("/") or not file.is_file():
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        whole = file.read_text().replace(BASE, f"{self.server.url}/npm").encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        self.wfile.write(whole)
