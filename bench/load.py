"""A load generator in a process of its own: a few threads, keep-alive, loopback, bounded.

``python -m bench.load URL SECONDS THREADS BODY`` prints one JSON document. BODY is the JSON of
each POST, in which ``"name"`` becomes another for each request.
"""

import http.client
import json
import sys
import threading
import time
from urllib.parse import urlsplit
from uuid import uuid4

MOST_REQUESTS = 20_000


def main(arguments: list[str]) -> None:
    """Load one URL and print what came of it."""
    url, seconds, threads, body = arguments
    load = Load(url, json.loads(body), time.monotonic() + float(seconds))
    began = time.monotonic()
    workers = [threading.Thread(target=load.work) for _ in range(int(threads))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    took = time.monotonic() - began
    print(json.dumps({"seconds": took, "latencies": load.latencies, "errors": load.errors}))


class Load:
    """What the threads share; appending to a list is atomic."""

    def __init__(self, url: str, body: dict[str, object], end: float) -> None:
        self._parts = urlsplit(url)
        self._body = body
        self._end = end
        self.latencies: list[float] = []
        self.errors: list[str] = []

    def work(self) -> None:
        """Send requests one after the other until the time is over."""
        headers = {"Content-Type": "application/json", "Prefer": "respond-async"}
        connection = http.client.HTTPConnection(
            str(self._parts.hostname), self._parts.port, timeout=30
        )
        while time.monotonic() < self._end and len(self.latencies) < MOST_REQUESTS:
            body = json.dumps(self._body | {"name": f"bench-{uuid4().hex[:16]}"})
            began = time.perf_counter()
            connection.request("POST", self._parts.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            self.latencies.append(time.perf_counter() - began)
            if answer.status not in (200, 201, 202):
                self.errors.append(f"{answer.status} {content[:200]!r}")
                break
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1:])
