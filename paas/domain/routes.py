"""Where requests for apps go: what the edge, the proxy in front of them, is told."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Upstream:
    """A guest that serves: the address and port at which its app answers."""

    address: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


@dataclass(frozen=True, order=True)
class Route:
    """The guests that answer for some host names, which are lower case and without port.

    ``health_path`` is asked at each of them: one that answers below 500 is well.
    """

    hosts: tuple[str, ...]
    upstreams: tuple[Upstream, ...]
    health_path: str = "/"


@dataclass(frozen=True)
class Table:
    """All routes; two tables with the same routes are equal, whatever their order was."""

    routes: tuple[Route, ...] = ()

    @classmethod
    def of(cls, routes: Iterable[Route]) -> "Table":
        """A table in its one order."""
        return cls(tuple(sorted(routes)))

    @property
    def digest(self) -> str:
        """What tells this table from others: 16 hexadecimal digits."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def upstreams(self) -> frozenset[Upstream]:
        """Every guest that some route leads to."""
        return frozenset(one for route in self.routes for one in route.upstreams)

    def to_json(self) -> str:
        """The table as text, the same for equal tables."""
        return json.dumps(
            [
                {
                    "hosts": list(route.hosts),
                    "upstreams": [[one.address, one.port] for one in route.upstreams],
                    "health_path": route.health_path,
                }
                for route in self.routes
            ],
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> "Table":
        """The table of a text that ``to_json`` made; ``ValueError`` for any other."""
        try:
            return cls.of(_route(one) for one in json.loads(text))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"this is no table of routes: {error}") from error


def _route(given: dict[str, Any]) -> Route:
    return Route(
        hosts=tuple(str(host) for host in given["hosts"]),
        upstreams=tuple(Upstream(str(address), int(port)) for address, port in given["upstreams"]),
        health_path=str(given["health_path"]),
    )
