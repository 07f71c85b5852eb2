"""How large the body of a request may be, and the only way that a route reads one."""

from flask import Flask, request

from paas.api.context import dialects, platform
from paas.api.dialect import owner_of
from paas.domain.errors import TooLarge


def install(app: Flask) -> None:
    """Refuse before any route what says that it is too large, and cut what does not say."""
    app.before_request(_check)


def read() -> bytes:
    """The body of the current request; raises ``TooLarge``."""
    data = request.get_data(cache=False)
    _expect(len(data))
    return data


def limit() -> int:
    """How many bytes the body of the current request may have: what its API takes, or the
    setting."""
    owner = owner_of(request.path, dialects())
    own = owner.body_limit if owner else None
    return platform().settings.body_limit if own is None else own


def _check() -> None:
    _expect(request.content_length or 0)
    # One more than is taken: a body in chunks is cut here without a word, so who reads it must
    # be able to see that it was longer.
    request.max_content_length = limit() + 1


def _expect(length: int) -> None:
    if length > limit():
        raise TooLarge(f"The body is larger than the {limit() // 1024} KB that are taken here")
