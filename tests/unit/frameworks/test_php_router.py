"""The router of PHP's own server, where there is PHP."""

import http.client
import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.unit.frameworks.trees import FRAMEWORKS

PHP = shutil.which("php")
pytestmark = pytest.mark.skipif(PHP is None, reason="php is not installed")
FRONT = (
    "<?php $site = 'global'; function site() { global $site; return $site; }"
    "echo 'front ', $_SERVER['SCRIPT_NAME'], ' ', $_SERVER['REQUEST_URI'], ' ', site(), ' ',"
    " isset($path, $root) ? 'left' : 'clean';"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("php")
    for name, text in {
        "index.php": FRONT,
        "page.css": "a{}",
        "own.php": "<?php echo 'own';",
        "a b.txt": "spaced",
        "sub/index.php": "<?php echo 'sub';",
        "plain/file.txt": "x",
        ".env": "KEY=1",
        ".git/config": "x",
        ".well-known/security.txt": "mail",
        "composer.json": "{}",
        "vendor/autoload.php": "<?php echo 'vendor';",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    port = free_port()
    router = str(FRAMEWORKS / "php_router.php")
    process = subprocess.Popen(
        [PHP or "", "-S", f"127.0.0.1:{port}", "-t", str(folder), router],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert "started" in process.stderr.readline()
        yield port
    finally:
        process.kill()
        process.communicate()


def ask(port: int, path: str) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location", ""), answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/", "front /index.php / global clean"),
        ("/users/7?x=1", "front /index.php /users/7?x=1 global clean"),
        ("/a.b/c", "front /index.php /a.b/c global clean"),
        ("/plain/", "front /index.php /plain/ global clean"),
        ("/page.css", "a{}"),
        ("/own.php", "own"),
        ("/a%20b.txt", "spaced"),
        ("/sub/", "sub"),
        ("/.well-known/security.txt", "mail"),
    ],
)
def test_files_are_served_and_every_other_path_goes_to_the_front(
    site: int, path: str, body: str
) -> None:
    assert ask(site, path) == (200, "", body)


@pytest.mark.parametrize(
    "path",
    [
        "/.env",
        "/.git/config",
        "/%2eenv",
        "/sub/../.env",
        "/composer.json",
        "/vendor/autoload.php",
        "/vendor",
        "/a%00b",
        "/a\\b",
    ],
)
def test_what_is_hidden_is_not_there(site: int, path: str) -> None:
    status, _, body = ask(site, path)
    assert (status, body) == (404, "There is no such page.\n")


@pytest.mark.parametrize(("path", "place"), [("/sub", "/sub/"), ("/sub?a=1", "/sub/?a=1")])
def test_a_folder_is_sent_to_its_slash(site: int, path: str, place: str) -> None:
    assert ask(site, path)[:2] == (301, place)
