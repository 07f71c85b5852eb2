"""Where a guest's packages come from: a mirror that may ask for a password."""

import base64
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from paas.targets.local.sandbox.layout import GuestError
from paas.targets.proxmox.guest import packages

PROOF = "Basic " + base64.b64encode(b"reader:hunter@2").decode()


class Mirror(BaseHTTPRequestHandler):
    """Has Debian's layout below /debian and nothing else; /closed asks for a password."""

    def do_GET(self) -> None:
        path = self.path.removeprefix("/closed")
        if path != self.path and self.headers["Authorization"] != PROOF:
            self.send_error(401)
        elif path == "/debian/dists/bookworm/Release":
            self.send_response(200)
            self.end_headers()
        else:
            self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def host() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_mirror_is_debians_layout_or_a_flat_folder(host: str) -> None:
    assert packages.source_line(f"http://{host}/debian/", "bookworm") == (
        f"deb http://{host}/debian bookworm main\n"
    )
    assert packages.source_line(f"http://{host}/flat", "bookworm") == (
        f"deb [trusted=yes] http://{host}/flat/ ./\n"
    )


def test_a_mirrors_password_is_used_and_stands_in_no_line_or_sentence(host: str) -> None:
    url = "http://reader:{}@{}/closed/debian"
    line = packages.source_line(url.format("hunter%402", host), "bookworm")
    assert line == f"deb http://{host}/closed/debian bookworm main\n"
    with pytest.raises(GuestError, match="refuses the guest: 401") as refused:
        packages.source_line(url.format("sesame", host), "bookworm")
    with pytest.raises(GuestError, match="cannot reach the package mirror") as lost:
        packages.source_line(url.format("sesame", "127.0.0.1:1"), "bookworm")
    assert "sesame" not in f"{refused.value}{lost.value}"


def test_apt_finds_the_password_where_the_app_cannot(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "APT", tmp_path)
    monkeypatch.setattr(packages, "LISTS", tmp_path / "lists")
    monkeypatch.setattr(packages, "_codename", lambda: "bookworm")
    for name in ("apt.conf.d", "sources.list.d"):
        (tmp_path / name).mkdir()
    packages.choose(f"http://reader:hunter%402@{host}/closed/debian", "")
    kept = tmp_path / "auth.conf.d" / "paas.conf"
    assert kept.read_text() == (
        f"machine http://{host}/closed/debian login reader password hunter@2\n"
    )
    assert kept.stat().st_mode & 0o777 == 0o600
    packages.choose("", "")
    assert not kept.exists()
    with pytest.raises(GuestError, match="holds a space, which apt cannot be told"):
        packages.choose(f"http://reader:a%20b@{host}/closed/debian", "")
