"""Git hosts on loopback that let in only who shows what they know: one by https, one by ssh."""

import base64
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paramiko

BACKEND = Path("/usr/lib/git-core/git-http-backend")


def _cgi(root: Path, handler: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
    """What git's own program for web servers answers to the request."""
    parts = urlsplit(handler.path)
    body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "GIT_CONFIG_KEY_1": "uploadpack.allowAnySHA1InWant",
        "GIT_CONFIG_VALUE_1": "true",
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "REQUEST_METHOD": handler.command,
        "CONTENT_TYPE": handler.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": handler.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": handler.headers.get("Git-Protocol", ""),
    }
    done = subprocess.run([str(BACKEND)], input=body, env=environment, capture_output=True)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
    status = int(fields.pop("Status", "200").split()[0])
    return status, fields, content


class HttpsHost:
    """Repositories below ``root`` for who shows user name and token; ``shown`` has what came."""

    def __init__(self, root: Path, certificate: tuple[Path, Path], pair: str) -> None:
        self.shown: list[str] = []
        wanted = f"Basic {base64.b64encode(pair.encode()).decode()}"
        host = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                shown = self.headers.get("Authorization", "")
                host.shown.append(shown)
                if shown != wanted:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="git"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                status, fields, content = _cgi(root, self)
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _serve  # noqa: N815 - The names are the library's.

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.name = f"127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Iterator["HttpsHost"]:
        """Answer within the block."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


class _Doorkeeper(paramiko.ServerInterface):
    """Lets in who has the key, and runs nothing but the reading half of git."""

    def __init__(self, root: Path, key: str) -> None:
        self._root = root
        self._key = key

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        right = key.get_base64() == self._key.split()[1]
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_env_request(self, *_: Any) -> bool:
        return True

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self._run, args=(channel, command.decode()), daemon=True).start()
        return True

    def _run(self, channel: paramiko.Channel, command: str) -> None:
        program, _, path = command.partition(" ")
        folder = self._root / path.strip("'").lstrip("/")
        if program != "git-upload-pack" or not folder.is_dir():
            channel.send_stderr(b"ERROR: Repository not found.\n")
            channel.send_exit_status(128)
            channel.close()
            return
        settings = ["-c", "safe.directory=*", "-c", "uploadpack.allowAnySHA1InWant=true"]
        child = subprocess.Popen(
            ["git", *settings, "upload-pack", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        feeding = threading.Thread(target=_pump, args=(channel, child.stdin), daemon=True)
        feeding.start()
        while data := os.read(child.stdout.fileno(), 65536):
            channel.sendall(data)
        channel.send_exit_status(child.wait())
        channel.close()


def _pump(channel: paramiko.Channel, pipe: Any) -> None:
    try:
        while data := channel.recv(65536):
            pipe.write(data)
            pipe.flush()
        pipe.close()
    except OSError:
        return


class SshHost:
    """Repositories below ``root`` for who has the private half of ``key``."""

    def __init__(self, root: Path, key: str) -> None:
        self._root = root
        self.key = key
        self.host_key = paramiko.ECDSAKey.generate()

    @contextmanager
    def serving(self) -> Iterator[int]:
        """Answer within the block; the value is the port."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=self._accept, args=(listener,), daemon=True)
            thread.start()
            yield listener.getsockname()[1]
            listener.shutdown(2)
        thread.join()

    def _accept(self, listener: Any) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self.host_key)
            transport.start_server(
                event=threading.Event(), server=_Doorkeeper(self._root, self.key)
            )
