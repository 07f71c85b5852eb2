"""The platform over HTTP, as a script would speak to it: no redirects, no cookies, no proxy."""

import http.client
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from paas.cli.exits import NOT_SIGNED_IN, REFUSED, UNREACHABLE, USAGE, CliFailure
from paas.settings_rules import is_loopback

Json = dict[str, object]
LIMIT = 256 * 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """What the platform said; ``document`` is empty when the body is not a JSON object."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Json:
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def next_page(self) -> str | None:
        """Path and query of the ``Link`` with ``rel=next``."""
        match = re.search(r'<([^>]+)>\s*;\s*rel="?next"?', self.headers.get("link", ""))
        if match is None:
            return None
        parts = urlsplit(match.group(1))
        return f"{parts.path}?{parts.query}"


class Client:
    """Speaks to one platform.

    ``token`` is sent with every request. Without one, ``token_file`` (made by an instance on
    this machine) is read after a 401, and only for a loopback address: the token of this
    machine's instance is of no use to, and must not be shown to, another machine.
    """

    def __init__(self, url: str, token: str = "", token_file: Path | None = None) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise CliFailure(
                USAGE, f"{url!r} is not an address of a platform; use http://HOST:PORT."
            )
        self.url = url.rstrip("/")
        self.token = token
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = port
        self._prefix = parts.path.rstrip("/")
        self._token_file = token_file if is_loopback(self._host) else None

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> Answer:
        """One request and its whole answer, whatever its status; CliFailure when there is none."""
        response = self.open(method, path, body=body, headers=headers, timeout=timeout)
        try:
            content = response.read(LIMIT)
        except (OSError, http.client.HTTPException) as error:
            raise self.unreachable(error) from error
        finally:
            response.close()
        return Answer(response.status, _headers(response), content)

    def open(
        self,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> http.client.HTTPResponse:
        """Like ``ask``, with the answer's body still to be read; the caller closes it."""
        response = self._send(method, path, body, headers or {}, timeout)
        if response.status == 401 and self._take_token():
            response.close()
            response = self._send(method, path, body, headers or {}, timeout)
        return response

    def _send(
        self, method: str, path: str, body: Json | None, headers: Mapping[str, str], timeout: float
    ) -> http.client.HTTPResponse:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=timeout)
        sent = {"Accept": "application/json", "User-Agent": "paas-cli", "Connection": "close"}
        sent |= headers
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        try:
            connection.request(method, self._prefix + path, content, sent)
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self.unreachable(error) from error

    def _take_token(self) -> bool:
        if self.token or self._token_file is None:
            return False
        try:
            self.token = self._token_file.read_text().strip()
        except (OSError, UnicodeDecodeError):
            return False
        return bool(self.token)

    def unreachable(self, error: BaseException) -> CliFailure:
        """The failure for a platform that does not answer."""
        reason = str(error) or type(error).__name__
        return CliFailure(
            UNREACHABLE,
            f"The platform at {self.url} does not answer: {reason}.",
            "Start it with `paas run`, or name another one with --url or PAAS_URL.",
        )

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> Answer:
        """Like ``ask``, raising CliFailure for every answer that is no success."""
        answer = self.ask(method, path, body=body, headers=headers, timeout=timeout)
        if answer.status >= 300:
            raise failure_of(answer)
        return answer

    def find(self, reference: str) -> Json:
        """The deployment with that id, or that name in any case; CliFailure when none is."""
        if _is_uuid(reference):
            answer = self.call("GET", f"/api/deployments/{quote(reference, safe='')}")
            return deployment_of(answer)
        for found in self.every({"search": reference}):
            if str(found.get("name", "")).lower() == reference.lower():
                return deployment_of(self.call("GET", f"/api/deployments/{found['id']}"))
        raise CliFailure(
            REFUSED,
            f"No deployment is named {reference!r}; `paas list` shows those that there are.",
            document={"success": False, "error": "Deployment not found"},
        )

    def every(self, query: Mapping[str, str]) -> Iterator[Json]:
        """All deployments that the query finds, newest first, page by page."""
        path: str | None = "/api/deployments" + (f"?{urlencode(query)}" if query else "")
        while path is not None:
            answer = self.call("GET", path)
            found = answer.document.get("deployments")
            if not isinstance(found, list):
                raise CliFailure(UNREACHABLE, f"{self.url} answers, but not as a platform does.")
            yield from found
            path = answer.next_page


def deployment_of(answer: Answer) -> Json:
    """The ``deployment`` of an answer's body; CliFailure when it has none."""
    found = answer.document.get("deployment")
    if not isinstance(found, dict):
        raise CliFailure(UNREACHABLE, "The server answers, but not as a platform does.")
    return found


def failure_of(answer: Answer) -> CliFailure:
    """What an unsuccessful answer means for the command."""
    document = answer.document
    errors = document.get("errors")
    sentences = [str(one) for one in errors] if isinstance(errors, list) else []
    if not sentences and document.get("error"):
        sentences = [str(document["error"])]
    if not sentences:
        sentences = [f"The platform answered {answer.status} without saying why."]
    if answer.status == 401:
        sentences.append("Give the token with --token-file or PAAS_API_TOKEN.")
        return CliFailure(NOT_SIGNED_IN, *sentences, document=document)
    if answer.status >= 500 or answer.status < 400:
        return CliFailure(UNREACHABLE, *sentences, document=document)
    return CliFailure(REFUSED, *sentences, document=document)


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
