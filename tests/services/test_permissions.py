"""Authorization in one place: every use case names its permission, and who has which."""

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module

import pytest

import paas.services
from paas.domain.permissions import (
    ADMINS_ALONE,
    ALL,
    OWNERS_ALONE,
    Permission,
    Role,
    Standing,
    covered,
    granted,
)
from paas.services.allowed import MARK


def use_cases() -> Iterator[tuple[str, object]]:
    """Public functions of the services that begin with a platform and an actor."""
    for found in pkgutil.iter_modules(paas.services.__path__):
        module = import_module(f"paas.services.{found.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ != module.__name__ or name.startswith("_"):
                continue
            parameters = list(inspect.signature(function).parameters)
            if [one.strip("_") for one in parameters[:2]] == ["platform", "actor"]:
                yield f"{found.name}.{name}", function


def test_every_use_case_names_the_permission_it_needs() -> None:
    found = dict(use_cases())
    assert len(found) > 50
    assert not [name for name, function in found.items() if not hasattr(function, MARK)]


@pytest.mark.parametrize(
    ("role", "standing", "lacks"),
    [
        (Role.ADMIN, None, frozenset()),
        (Role.ADMIN, Standing.MEMBER, frozenset()),
        (Role.USER, Standing.OWNER, ADMINS_ALONE),
        (Role.USER, Standing.MEMBER, ADMINS_ALONE | OWNERS_ALONE),
        (Role.USER, None, ALL - {Permission.ACCOUNT}),
    ],
)
def test_what_a_user_may(
    role: Role, standing: Standing | None, lacks: frozenset[Permission]
) -> None:
    assert granted(role, standing) == ALL - lacks


def test_whoever_may_change_a_thing_sees_it() -> None:
    assert covered(["apps:deploy"]) == {Permission.APPS_DEPLOY, Permission.APPS_READ}
    assert covered(["admin:write"]) == ADMINS_ALONE
    assert covered(["plans:read"]) == {Permission.PLANS_READ}
    assert covered(["no:such", ""]) == frozenset()
