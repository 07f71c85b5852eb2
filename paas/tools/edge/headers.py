"""Headers of a request that passes through: what is refused, dropped and added. No I/O.

Nothing of a request is passed on as it came: it is parsed, and written anew by ``h11``. What two
programs could read in two ways (RFC 9112, sections 3.2 and 6.3) is refused besides.
"""

import re
from collections.abc import Iterable, Sequence

import h11

Headers = list[tuple[bytes, bytes]]

# RFC 9110, section 7.6.1; these speak of one connection only.
HOP_BY_HOP = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate"),
        *(b"proxy-authorization", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
    }
)
# Who stands in front of us could say anything here; the app must be able to believe it.
CLAIMS = frozenset({b"forwarded", b"x-real-ip", b"x-client-ip", b"true-client-ip"})
CLAIM_PREFIX = b"x-forwarded-"
IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"})
HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


def values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    """All values of a header, in order."""
    return [value for key, value in headers if key == name]


def tokens(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> set[bytes]:
    """The words of a header whose value is a list, in lower case."""
    found = b",".join(values(headers, name)).lower().split(b",")
    return {word.strip() for word in found if word.strip()}


def refusal(request: h11.Request) -> str:
    """Why a request is not passed on, as a sentence; empty when it is."""
    headers = list(request.headers)
    if not request.target.startswith(b"/") and (request.method, request.target) != (
        b"OPTIONS",
        b"*",
    ):
        return "The target of a request must be a path that begins with a slash."
    hosts = values(headers, b"host")
    if len(hosts) != 1 or not HOST.fullmatch(hosts[0]):
        return "A request must name one host."
    coding, length = values(headers, b"transfer-encoding"), values(headers, b"content-length")
    if coding and length:
        return "A request has Content-Length or Transfer-Encoding, never both."
    if coding and request.http_version < b"1.1":
        return "A request of HTTP/1.0 cannot be chunked."
    return ""


def host_of(request: h11.Request) -> str:
    """The name that a request is for: lower case, without port and final dot."""
    text = values(request.headers, b"host")[0].decode("ascii").lower()
    name = text if text.endswith("]") else text.rpartition(":")[0] or text
    return name.rstrip(".")


def has_body(request: h11.Request) -> bool:
    """Whether something follows the request's head."""
    length = values(request.headers, b"content-length")
    return bool(values(request.headers, b"transfer-encoding") or (length and length[0] != b"0"))


def wants_websocket(request: h11.Request) -> bool:
    """Whether the connection is to become a WebSocket; no other upgrade passes."""
    return (
        request.method == b"GET"
        and not has_body(request)
        and tokens(request.headers, b"upgrade") == {b"websocket"}
        and b"upgrade" in tokens(request.headers, b"connection")
    )


def passing(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    """Without those that speak of this connection alone, named ones included."""
    named = tokens(headers, b"connection")
    return [(key, value) for key, value in headers if key not in HOP_BY_HOP | named]


def for_upstream(request: h11.Request, client: str) -> Headers:
    """The headers that a guest gets: of one request on a connection of its own.

    ``client`` is the address that the request came from.
    """
    kept = [
        (key, value)
        for key, value in passing(list(request.headers))
        if not _claims(key) and key != b"expect"
    ]
    if not values(kept, b"host"):
        # A request may name its Host in Connection; it is passed on all the same.
        kept.insert(0, (b"host", values(request.headers, b"host")[0]))
    if values(request.headers, b"transfer-encoding"):
        kept.append((b"transfer-encoding", b"chunked"))
    elif values(request.headers, b"content-length") and not values(kept, b"content-length"):
        kept.append((b"content-length", values(request.headers, b"content-length")[0]))
    kept += [
        (b"x-forwarded-for", client.encode("ascii", "replace")),
        (b"x-forwarded-proto", b"http"),
        (b"x-forwarded-host", values(request.headers, b"host")[0]),
    ]
    if wants_websocket(request):
        return [*kept, (b"connection", b"upgrade"), (b"upgrade", b"websocket")]
    return [*kept, (b"connection", b"close")]


def _claims(name: bytes) -> bool:
    # CGI's names, which WSGI has too, make no difference between a dash and an underscore.
    plain = name.replace(b"_", b"-")
    return plain in CLAIMS or plain.startswith(CLAIM_PREFIX)


def for_client(response: h11.Response) -> Headers:
    """The headers of an answer; in front of chunks, any length that it tells is wrong."""
    kept = passing(list(response.headers))
    chunked = values(response.headers, b"transfer-encoding")
    return [one for one in kept if not (chunked and one[0] == b"content-length")]
