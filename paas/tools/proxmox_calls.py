"""Calls of Proxmox's API through proxmoxer, and what their failures mean."""

import copy
import time
from collections.abc import Mapping
from typing import Any, Self

import requests
from proxmoxer import ResourceException

from paas.tools.guarded import Stop
from paas.tools.proxmox_access import Access, NotProxmox, Sessions, untrusted
from paas.tools.proxmox_errors import ProxmoxError, Unreachable, from_answer
from paas.tools.proxmox_words import doing_words

# Seconds between two questions whether a wait is to end.
ASKED_EVERY = 0.5


class Calls:
    """One Proxmox under one token; may be used by threads at once.

    Paths are such as ``/nodes/pve1/lxc``. Every call raises the errors of ``proxmox_errors``.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self._sessions = Sessions(access)
        self._stop: Stop | None = None

    def __repr__(self) -> str:
        return f"Proxmox({self.access.endpoint})"

    def during(self, stop: Stop) -> Self:
        """The same, over the same connections, for as long as ``stop`` gives no reason to end.

        It is asked before each change and in each wait, and what it gives is raised.
        """
        bound = copy.copy(self)
        bound._stop = stop
        return bound

    def keep_on(self) -> None:
        """Raise the reason to end, if there is one by now."""
        if self._stop and (reason := self._stop()):
            raise reason

    def pause(self, seconds: float) -> None:
        """Wait, unless there is a reason to end meanwhile."""
        end = time.monotonic() + seconds
        while True:
            self.keep_on()
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, ASKED_EVERY))

    def get(self, path: str, /, **params: object) -> Any:
        """Read; asked a second time when the connection breaks."""
        return self._call("get", path, params)

    def post(self, path: str, /, **params: object) -> Any:
        """Make or start something; most answers are the id (UPID) of a task."""
        return self._call("post", path, params)

    def put(self, path: str, /, **params: object) -> Any:
        """Change something."""
        return self._call("put", path, params)

    def delete(self, path: str, /, **params: object) -> Any:
        """Remove something."""
        return self._call("delete", path, params)

    def _call(self, method: str, path: str, params: Mapping[str, object]) -> Any:
        if method != "get":
            self.keep_on()
        doing = doing_words(method, path, params)
        sent: dict[str, Any] = {
            name: _plain(value) for name, value in params.items() if value is not None
        }
        try:
            try:
                return self._send(method, path, sent)
            except requests.exceptions.ConnectionError as error:
                # A kept connection may just have been closed. What changes something is not
                # repeated: nobody knows whether it was carried out.
                if method != "get" or isinstance(error, requests.exceptions.Timeout):
                    raise
                return self._send(method, path, sent)
        except ResourceException as error:
            raise self._refusal(doing, error) from None
        except (NotProxmox, requests.exceptions.TooManyRedirects):
            raise self._no_proxmox(doing) from None
        except requests.exceptions.RequestException as error:
            raise self._away(doing, error) from None

    def _send(self, method: str, path: str, params: dict[str, Any]) -> Any:
        return getattr(self._sessions.get()(path.strip("/")), method)(**params)

    def _refusal(self, doing: str, error: ResourceException) -> Exception:
        access = self.access
        return from_answer(
            doing,
            error.status_code,
            error.content,
            error.errors or {},
            token=access.token_id,
            pool=access.pool,
        )

    def _no_proxmox(self, doing: str) -> ProxmoxError:
        return ProxmoxError(
            f"What answers at {self.access.endpoint} is not the API of Proxmox ({doing}). "
            "PAAS_PROXMOX_URL must name a node itself, such as https://pve1.example.com:8006."
        )

    def _away(self, doing: str, error: requests.exceptions.RequestException) -> Unreachable:
        detail = f"{doing}: {error!r}"
        if "CERTIFICATE_VERIFY_FAILED" in detail or "Fingerprints did not match" in detail:
            return Unreachable(untrusted(self.access, detail), detail=detail)
        return Unreachable(
            f"Proxmox at {self.access.endpoint} does not answer ({_cause(error)}), while {doing}.",
            detail=detail,
        )


def _plain(value: object) -> object:
    return int(value) if isinstance(value, bool) else value


def _cause(error: requests.exceptions.RequestException) -> str:
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ReadTimeout):
        return "no answer in time"
    text = str(error)
    for words in ("Connection refused", "No route to host", "Name or service not known"):
        if words in text:
            return words.lower()
    return "the connection broke"
