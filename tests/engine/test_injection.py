"""The injection corpus all the way: through Terraform, Ansible and the guest it stays text."""

import json
from pathlib import Path

import requests

from paas.domain.states import AppState
from paas.engine.platform import Platform
from tests.api.test_injection import MARK, PAYLOADS
from tests.engine import live
from tests.factories import deploy_spec
from tests.mirror import Mirror

APP = """
import http.server, json, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(dict(os.environ)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""


def is_text(value: str) -> bool:
    """What an environment can hold; the doors refuse the rest."""
    return "\x00" not in value and not any("\ud800" <= c <= "\udfff" for c in value)


def test_every_payload_reaches_the_app_as_the_text_that_was_sent(
    platform: Platform, mirror: Mirror
) -> None:
    environment = {f"P{n}": text for n, text in enumerate(PAYLOADS) if is_text(text)}
    files = {"app.py": APP, "index.html": "", "Procfile": "web: exec python3 app.py"}
    spec = deploy_spec(repository=mirror.add("echo", files), environment=environment)
    app = live.deploy(platform, spec)
    assert app.state is AppState.RUNNING, app.error_message
    assert app.access_url is not None
    found = json.loads(requests.get(app.access_url, timeout=10).text)
    assert {name: found.get(name) for name in environment} == environment
    assert not list(Path("/tmp").glob(f"{MARK}*"))  # noqa: S108


def test_files_with_names_like_commands_are_only_files(platform: Platform, mirror: Mirror) -> None:
    names = ["$(touch x)", "{{ 7 * 7 }}", "-rf", "--upload-pack=x", "a;b", "${path.module}", "'\""]
    files = {f"files/{name}": "content" for name in names}
    url = mirror.add("odd", {"index.html": "<title>odd</title>", **files})
    app = live.deploy(platform, deploy_spec(repository=url))
    assert app.state is AppState.RUNNING, app.error_message
    for name in names:
        answer = requests.get(f"{app.access_url}/files/{requests.utils.quote(name)}", timeout=10)
        assert answer.text == "content", name
