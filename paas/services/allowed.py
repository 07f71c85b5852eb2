"""Authorization, in one place: each use case names the permission it needs."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from paas.domain.errors import Forbidden
from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.engine.platform import Platform

P = ParamSpec("P")
R = TypeVar("R")
Case = Callable[Concatenate[Platform, Actor, P], R]
MARK = "__permission__"


def needs(permission: Permission) -> Callable[[Case[P, R]], Case[P, R]]:
    """Let only actors with this permission into a use case; ``Forbidden`` for all others."""

    def guard(case: Case[P, R]) -> Case[P, R]:
        @wraps(case)
        def guarded(platform: Platform, actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> R:
            check(actor, permission)
            return case(platform, actor, *args, **kwargs)

        setattr(guarded, MARK, permission)
        return guarded

    return guard


def check(actor: Actor, permission: Permission) -> None:
    """Raise ``Forbidden`` unless the actor has the permission."""
    if permission not in actor.permissions:
        raise Forbidden(
            f"This needs the permission {permission}, which {actor.name} does not have. "
            "Ask an administrator, or use a token with that scope"
        )
