"""The server of static files, as a process of its own."""

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.frameworks.trees import FRAMEWORKS

SERVER = FRAMEWORKS / "static_server.py"


@contextmanager
def serving(*arguments: str | Path) -> Iterator[int]:
    """Start the server and yield its port, which it tells when it listens."""
    process = subprocess.Popen(
        [sys.executable, "-I", str(SERVER), *map(str, arguments)],
        env={"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "PORT": "0"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline().rsplit(":", 1)[1])
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    top = tmp_path_factory.mktemp("top")
    (top / "secret.txt").write_text("secret")
    folder = top / "site"
    for name, text in {
        "index.html": "<h1>Home</h1>",
        "404.html": "<h1>Lost</h1>",
        "about.html": "About",
        "a b.txt": "spaced",
        "sub/index.html": "Sub",
        "bare/file.css": "a{}",
        "app.mjs": "1",
        "data.json": "{}",
        "font.woff2": "x",
        "page.wasm": "x",
        "noending": "0123456789",
        ".env": "KEY=1",
        ".git/config": "x",
        ".well-known/security.txt": "mail",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "out.txt").symlink_to(top / "secret.txt")
    (folder / "outside").symlink_to(top)
    (folder / "loop").symlink_to("loop")
    with serving(folder) as port:
        yield port


def ask(
    port: int, path: str, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=named)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/", "text/html; charset=utf-8", b"<h1>Home</h1>"),
        ("/index.html", "text/html; charset=utf-8", b"<h1>Home</h1>"),
        ("/about", "text/html; charset=utf-8", b"About"),
        ("/about.html?x=1", "text/html; charset=utf-8", b"About"),
        ("/sub/", "text/html; charset=utf-8", b"Sub"),
        ("/./sub/", "text/html; charset=utf-8", b"Sub"),
        ("/a%20b.txt", "text/plain; charset=utf-8", b"spaced"),
        ("/bare/file.css", "text/css; charset=utf-8", b"a{}"),
        ("/app.mjs", "text/javascript; charset=utf-8", b"1"),
        ("/data.json", "application/json; charset=utf-8", b"{}"),
        ("/font.woff2", "font/woff2", b"x"),
        ("/page.wasm", "application/wasm", b"x"),
        ("/noending", "application/octet-stream", b"0123456789"),
        ("/.well-known/security.txt", "text/plain; charset=utf-8", b"mail"),
    ],
)
def test_files_are_served_with_their_types(site: int, path: str, kind: str, body: bytes) -> None:
    status, headers, found = ask(site, path)
    assert (status, headers["Content-Type"], found) == (200, kind, body)
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/none",
        "/bare/",
        "/bare",
        "/index.html/",
        "/.env",
        "/.git/config",
        "/%2egit/config",
        "/sub/../.env",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/..\\secret.txt",
        "/out.txt",
        "/outside/secret.txt",
        "/loop",
        "/a%00b",
        "/%ff%fe",
        "/" + "x" * 5000,
    ],
)
def test_what_is_missing_hidden_or_outside_answers_alike(site: int, path: str) -> None:
    status, _, body = ask(site, path)
    assert (status, body) == (404, b"<h1>Lost</h1>")


@pytest.mark.parametrize(
    ("path", "place"),
    [("/sub", "/sub/"), ("/sub?q=1", "/sub/?q=1"), ("//sub", "/sub/"), ("///sub", "/sub/")],
)
def test_a_folder_is_sent_to_its_slash_and_never_to_another_host(
    site: int, path: str, place: str
) -> None:
    status, headers, _ = ask(site, path)
    assert (status, headers["Location"]) == (301, place)


def test_head_answers_without_a_body(site: int) -> None:
    status, headers, body = ask(site, "/noending", "HEAD")
    assert (status, headers["Content-Length"], body) == (200, "10", b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(site: int, method: str) -> None:
    status, headers, _ = ask(site, "/", method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_known_content_is_not_sent_again(site: int) -> None:
    _, headers, _ = ask(site, "/noending")
    assert ask(site, "/noending", If_None_Match=headers["ETag"])[0] == 304
    assert ask(site, "/noending", If_None_Match='"other"')[0] == 200
    assert ask(site, "/noending", If_Modified_Since=headers["Last-Modified"])[0] == 304
    assert ask(site, "/noending", If_Modified_Since="nonsense")[0] == 200


@pytest.mark.parametrize(
    ("wanted", "status", "body"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=5-99", 206, b"56789"),
        ("bytes=10-", 416, b""),
        ("bytes=-0", 416, b""),
        ("bytes=5-3", 200, b"0123456789"),
        ("bytes=0-1,3-4", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
        ("bytes=-", 200, b"0123456789"),
        ("bytes=" + "9" * 500 + "-", 200, b"0123456789"),
    ],
)
def test_ranges(site: int, wanted: str, status: int, body: bytes) -> None:
    found = ask(site, "/noending", Range=wanted)
    assert (found[0], found[2]) == (status, body)


def test_the_first_folder_with_a_page_is_served_and_a_fallback_answers(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "build").mkdir()
    (tmp_path / "build/index.html").write_text("App")
    arguments = ("--fallback", "index.html", tmp_path / "dist", tmp_path / "build")
    with serving(*arguments) as port:
        assert ask(port, "/users/7")[::2] == (200, b"App")
        assert ask(port, "/.env")[::2] == (200, b"App")


def test_a_site_without_a_page_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", str(SERVER), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "There is no index.html to serve; looked in: " in done.stderr
