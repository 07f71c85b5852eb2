"""Serves the files of a folder: python3 -I static_server.py [--fallback FILE] FOLDER...

The first FOLDER that holds an index.html is served, on the address in HOST and PORT. Only the
standard library is needed. There are no listings, no hidden files and no way out of the folder;
404.html answers for what is missing, and --fallback names a file that answers instead, with 200,
for paths that a page's own router knows.
"""

# ruff: noqa: T201, N815 - It is a program that prints, and http.server gives the methods' names.

import argparse
import email.utils
import mimetypes
import os
import re
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote, urlsplit

CHUNK = 64 * 1024
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".htm": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".webmanifest": "application/manifest+json",
    ".md": "text/markdown",
    ".txt": "text/plain",
    ".xml": "application/xml",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".wasm": "application/wasm",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".gz": "application/gzip",
}
RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Site:
    """A folder and what a path of a request means in it."""

    def __init__(self, folder: Path, fallback: str) -> None:
        self.folder = folder.resolve()
        self.fallback = fallback

    def find(self, path: str) -> Path | None:
        """The file for a decoded path, or None; a folder stands for its index.html."""
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if any(part.startswith(".") and part != ".well-known" for part in parts):
            return None
        if "\x00" in path or "\\" in path:
            return None
        found = self._inside(self.folder.joinpath(*parts))
        if found is not None and found.is_dir():
            return self._file(found / "index.html")
        if path.endswith("/"):
            return None
        if found is not None and found.is_file():
            return found
        return self._file(self.folder.joinpath(*parts[:-1], parts[-1] + ".html")) if parts else None

    def is_folder(self, path: str) -> bool:
        """Whether the path, written without its last slash, is a folder with a page."""
        found = self.find(path)
        return found is not None and found.name == "index.html" and self._names_folder(path)

    def missing(self) -> tuple[Path | None, HTTPStatus]:
        """What answers for a path that is not there."""
        fallback = self._file(self.folder / self.fallback) if self.fallback else None
        if fallback is not None:
            return fallback, HTTPStatus.OK
        return self._file(self.folder / "404.html"), HTTPStatus.NOT_FOUND

    def _names_folder(self, path: str) -> bool:
        return not path.endswith("/") and self.folder.joinpath(path.lstrip("/")).is_dir()

    def _file(self, path: Path) -> Path | None:
        found = self._inside(path)
        return found if found is not None and found.is_file() else None

    def _inside(self, path: Path) -> Path | None:
        """The real place of a path, as long as it and its links stay in the folder."""
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):
            return None
        return real if real == self.folder or self.folder in real.parents else None


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD."""

    protocol_version = "HTTP/1.1"
    server_version = "paas-static"
    sys_version = ""
    timeout = 60
    site: Site

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _refuse(self) -> None:
        self.close_connection = True
        self._begin(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET, HEAD", "Content-Length": "0"})

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse

    def _answer(self, *, with_body: bool) -> None:
        address = urlsplit("/" + self.path.lstrip("/"))
        path = unquote(address.path, errors="replace")
        if self.site.is_folder(path):
            query = f"?{address.query}" if address.query else ""
            place = {"Location": quote(path) + "/" + query, "Content-Length": "0"}
            self._begin(HTTPStatus.MOVED_PERMANENTLY, place)
            return
        file, status = self.site.find(path), HTTPStatus.OK
        if file is None:
            file, status = self.site.missing()
        if file is None:
            self._say("There is no such page.\n", status, with_body=with_body)
            return
        try:
            with file.open("rb") as content:
                self._send(content, file, status, with_body=with_body)
        except OSError:
            self._say("The page cannot be read.\n", HTTPStatus.FORBIDDEN, with_body=with_body)

    def _send(self, content: BinaryIO, file: Path, status: HTTPStatus, *, with_body: bool) -> None:
        found = os.fstat(content.fileno())
        tag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
        headers = {
            "ETag": tag,
            "Last-Modified": email.utils.formatdate(found.st_mtime, usegmt=True),
            "Cache-Control": "no-cache",
        }
        if status is HTTPStatus.OK and self._is_known(tag, found.st_mtime):
            self._begin(HTTPStatus.NOT_MODIFIED, headers)
            return
        first, last = 0, found.st_size - 1
        headers |= {"Content-Type": content_type(file), "Accept-Ranges": "bytes"}
        if status is HTTPStatus.OK and "If-Range" not in self.headers:
            wanted = wanted_range(self.headers.get("Range", ""), found.st_size)
            if wanted == ():
                headers = {"Content-Range": f"bytes */{found.st_size}", "Content-Length": "0"}
                self._begin(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers)
                return
            if wanted:
                first, last = wanted
                status = HTTPStatus.PARTIAL_CONTENT
                headers["Content-Range"] = f"bytes {first}-{last}/{found.st_size}"
        headers["Content-Length"] = str(last - first + 1)
        self._begin(status, headers)
        if with_body:
            self._copy(content, first, last - first + 1)

    def _copy(self, content: BinaryIO, first: int, left: int) -> None:
        content.seek(first)
        while left > 0:
            piece = content.read(min(CHUNK, left))
            if not piece:
                # The file became shorter, and what was promised cannot be sent any more.
                self.close_connection = True
                return
            self.wfile.write(piece)
            left -= len(piece)

    def _is_known(self, tag: str, changed: float) -> bool:
        """Whether the client has this very content."""
        tags = self.headers.get("If-None-Match")
        if tags is not None:
            return tag in tags or tags.strip() == "*"
        try:
            since = email.utils.parsedate_to_datetime(self.headers.get("If-Modified-Since", ""))
            return int(changed) <= since.timestamp()
        except (ValueError, TypeError, OverflowError):
            return False

    def _say(self, text: str, status: HTTPStatus, *, with_body: bool) -> None:
        body = text.encode()
        kind = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))}
        self._begin(status, kind)
        if with_body:
            self.wfile.write(body)

    def _begin(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002
        line = (format % values).translate(dict.fromkeys(range(32), "?"))
        print(f"{self.client_address[0]} {line}", flush=True)


class Server(ThreadingHTTPServer):
    """One thread per connection; they end with the process."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error of the site."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def content_type(file: Path) -> str:
    """The type by the file's ending, texts with their charset."""
    kind = TYPES.get(file.suffix.lower()) or mimetypes.guess_type(file.name)[0]
    if kind is None:
        return "application/octet-stream"
    is_text = kind.startswith("text/") or kind in ("application/json", "image/svg+xml")
    return f"{kind}; charset=utf-8" if is_text else kind


def wanted_range(header: str, size: int) -> tuple[int, int] | tuple[()] | None:
    """First and last byte; () for one that cannot be met, None for all of the file."""
    hit = RANGE.fullmatch(header.strip())
    if hit is None or not (hit[1] or hit[2]) or max(len(hit[1]), len(hit[2])) > 18:
        return None
    if not hit[1]:
        length = min(int(hit[2]), size)
        return (size - length, size - 1) if length else ()
    first, last = int(hit[1]), min(int(hit[2] or size), size - 1)
    if first >= size:
        return ()
    return (first, last) if first <= last else None


def main() -> int:
    parser = argparse.ArgumentParser(description="Serve the files of a folder.")
    parser.add_argument("--fallback", default="", help="the file for paths that are not there")
    parser.add_argument("folders", nargs="+", type=Path, help="the first with an index.html counts")
    options = parser.parse_args()
    folder = next((f for f in options.folders if (f / "index.html").is_file()), None)
    if folder is None:
        looked = ", ".join(str(folder) for folder in options.folders)
        print(f"There is no index.html to serve; looked in: {looked}", file=sys.stderr)
        return 1
    Handler.site = Site(folder, options.fallback)
    address = (os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8080")))
    with Server(address, Handler) as server:
        print(f"Serving {folder} on http://{address[0]}:{server.server_port}", flush=True)
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
