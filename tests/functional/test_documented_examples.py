"""The examples of document 000, cURL and JavaScript, as they stand there, against `paas run`.

Replaced are the host, the token and the ids, and nothing else.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.functional import event_source
from tests.functional.running import PASSED_ON, Running, until
from tests.mirror import Mirror

CREATE = r"""
# 1. Create application
curl -X POST https://your-domain.com/api/paas/apps \
  -H "Authorization: Bearer YOUR_TOKEN" \
  -H "Content-Type: application/json" \
  -d '{
    "name": "My App",
    "slug": "my-app",
    "git_url": "https://github.com/user/repo",
    "git_branch": "main",
    "plan_id": "PLAN_UUID"
  }'
"""
DEPLOY = r"""
# 2. Deploy
curl -X POST https://your-domain.com/api/paas/apps/APP_ID/deploy \
  -H "Authorization: Bearer YOUR_TOKEN"
"""
LOGS = r"""
# 3. Check logs
curl https://your-domain.com/api/paas/apps/APP_ID/logs \
  -H "Authorization: Bearer YOUR_TOKEN"
"""
SCALE = r"""
# 4. Scale to 3 replicas
curl -X POST https://your-domain.com/api/paas/apps/APP_ID/scale \
  -H "Authorization: Bearer YOUR_TOKEN" \
  -H "Content-Type: application/json" \
  -d '{"replicas": 3}'
"""
MONITOR = r"""
// Stream logs in real-time
const eventSource = new EventSource(
  'https://your-domain.com/api/paas/apps/APP_ID/logs/stream',
  {
    headers: {
      'Authorization': `Bearer ${token}`
    }
  }
);

eventSource.onmessage = (event) => {
  const log = JSON.parse(event.data);
  console.log(`[${log.timestamp}] ${log.message}`);
};
"""
# What the document takes for given.
BEFORE = "const EventSource = require('eventsource');\nconst token = 'YOUR_TOKEN';\n"
FILES = {
    "index.html": "<title>here</title>",
    "Procfile": "web: echo Server started on port $PORT; "
    "exec python3 -u -m http.server $PORT --bind $HOST\n",
}
EMAIL, PASSWORD = "user@example.com", "a password for tests"


@pytest.fixture
def running(instance: Path, tmp_path: Path) -> Iterator[Running]:
    mirror = Mirror(tmp_path / "mirror")
    mirror.add("repo", FILES)
    # The document's repository is a user's.
    (mirror.folder / "tests").rename(mirror.folder / "user")
    account = {"PAAS_ADMIN_EMAIL": EMAIL, "PAAS_ADMIN_PASSWORD": PASSWORD}
    made = Running(instance, mirror.folder, **account).start()
    yield made
    made.stop(signal.SIGTERM)
    left = list(made.processes())
    for pid, _ in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


class Reader:
    """Who follows the document: knows the host, signs in, and puts in what it came to know."""

    def __init__(self, url: str) -> None:
        self.url = url
        given = {"email": EMAIL, "password": PASSWORD}
        answer = requests.post(f"{url}/api/auth/login", json=given, timeout=30).json()
        self.known = {"https://your-domain.com": url, "YOUR_TOKEN": answer["data"]["token"]}
        plans = self.get("/api/paas/plans")["plans"]
        self.known["PLAN_UUID"] = next(one["id"] for one in plans if one["slug"] == "standard")

    def get(self, path: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.known['YOUR_TOKEN']}"}
        answer = requests.get(f"{self.url}{path}", headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def put_in(self, example: str) -> str:
        for name, stands in self.known.items():
            example = example.replace(name, stands)
        return example

    def types(self, example: str) -> dict[str, Any]:
        """What the example prints in a shell."""
        done = subprocess.run(
            ["bash", "-c", self.put_in(example)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    @contextmanager
    def monitors(self, folder: Path) -> Iterator[Callable[[], list[str]]]:
        """The JavaScript under Node; yields what says which lines it has printed so far."""
        program, output = folder / "monitor.js", folder / "printed"
        program.write_text(self.put_in(BEFORE + MONITOR))
        kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment = {**kept, "NODE_PATH": str(event_source.modules())}
        with output.open("wb") as out:
            node = subprocess.Popen(["node", program], env=environment, stdout=out, stderr=out)
        try:
            yield lambda: output.read_text().splitlines()
            assert node.poll() is None, output.read_text()
        finally:
            node.kill()
            node.wait()


def has(lines: Callable[[], list[str]], text: str) -> Callable[[], bool]:
    return lambda: any(text in line for line in lines())


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_examples_run_one_after_the_other(running: Running, tmp_path: Path) -> None:
    event_source.modules()
    reader = Reader(running.url)

    made = reader.types(CREATE)["app"]
    assert (made["slug"], made["status"]) == ("my-app", "inactive")
    app_id = reader.known["APP_ID"] = made["id"]

    assert reader.types(DEPLOY) == {"message": "Deployment started", "appId": app_id}
    address = running.ends(app_id, "running")["access_url"]

    def messages() -> list[str]:
        return [line["message"] for line in reader.types(LOGS)["logs"]]

    until(has(messages, "Server started on port"), "the app's first line")

    with reader.monitors(tmp_path) as printed:
        until(has(printed, "Z] Server started on port"), "the stream to begin")
        assert requests.get(f"{address}/?in-real-time", timeout=10).ok
        until(has(printed, "GET /?in-real-time"), "a line while it streams")

        scaled = reader.types(SCALE)
        assert scaled == {"message": "Application scaled", "replicas": 3}
        running.ends(app_id, "running")

    assert reader.get(f"/api/paas/apps/{app_id}")["app"]["replicas"] == 3
    sources = {"app.1", "app.2", "app.3"}
    until(
        lambda: sources <= {line["source"] for line in reader.types(LOGS)["logs"]},
        "lines of all replicas",
    )
    running.delete(app_id)
    running.ends(app_id, "deleted")
