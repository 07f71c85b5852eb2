"""Calls of Proxmox's API through proxmoxer, and what their failures mean."""

from collections.abc import Mapping
from typing import Any

import requests
from proxmoxer import ResourceException

from paas.tools.proxmox_access import Access, NotProxmox, Sessions, untrusted
from paas.tools.proxmox_errors import ProxmoxError, Unreachable, from_answer
from paas.tools.proxmox_words import doing_words


class Calls:
    """One Proxmox under one token; may be used by threads at once.

    Paths are such as ``/nodes/pve1/lxc``. Every call raises the errors of ``proxmox_errors``.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self._sessions = Sessions(access)

    def __repr__(self) -> str:
        return f"Proxmox({self.access.endpoint})"

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
