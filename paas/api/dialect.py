"""What a documented API is to the rest: its URLs and the shape of its errors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from flask import Blueprint, Response

from paas.api.operations import Answer
from paas.api.rates import BY_ROLE, Rates
from paas.domain.errors import PaasError


@dataclass(frozen=True)
class Fault:
    """An error on its way out. ``sentences`` may all reach the client.

    ``error`` is the meaning behind it, for a dialect whose document wants another status; it is
    None for the errors of HTTP itself (an unknown path, a method that is not allowed).
    """

    status: int
    sentences: tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    error: PaasError | None = None


@dataclass(frozen=True)
class Dialect:
    """One documented API.

    A claim is a path; it claims itself and everything below it. Of several claims on a path the
    longest wins. ``render_error`` turns a fault into the documented shape, and
    ``document_error`` describes that shape for a status. ``always`` are statuses of errors that
    each of its operations may answer, beside those that every dialect has. ``rates`` say how many
    requests it takes. With ``open_door`` a request from this very machine needs no token while
    there is one tenant. ``body_limit`` is how many bytes a body may have where it is not what
    the setting says.
    """

    name: str
    blueprint: Blueprint
    claims: tuple[str, ...]
    render_error: Callable[[Fault], Response]
    document_error: Callable[[int], Answer]
    always: tuple[int, ...] = ()
    rates: Rates = BY_ROLE
    open_door: bool = False
    body_limit: int | None = None

    def claim_on(self, path: str) -> int:
        """The length of this dialect's longest claim on the path; 0 when it has none."""
        fitting = (c for c in self.claims if path == c or path.startswith(f"{c}/"))
        return max((len(claim) for claim in fitting), default=0)


def owner_of(path: str, dialects: Sequence[Dialect]) -> Dialect | None:
    """The dialect with the longest claim on a path; None when nobody claims it."""
    owner = max(dialects, key=lambda dialect: dialect.claim_on(path))
    return owner if owner.claim_on(path) else None
