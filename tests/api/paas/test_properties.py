"""Whatever a client sends to document 000: no failure of the platform, and no answer that is not
documented."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from paas.domain.output import Line
from paas.services import logs
from tests.api.properties import check_operation, operation_ids

OPERATIONS = [
    "paas_add_worker",
    "paas_all_plans",
    "paas_available",
    "paas_change_settings",
    "paas_create",
    "paas_create_plan",
    "paas_delete",
    "paas_delete_plan",
    "paas_delete_variable",
    "paas_deploy",
    "paas_deployments",
    "paas_disable_pushes",
    "paas_enable_pushes",
    "paas_everyone",
    "paas_forget_credential",
    "paas_listed",
    "paas_logs",
    "paas_make_key",
    "paas_overview",
    "paas_remove_worker",
    "paas_restart",
    "paas_resume",
    "paas_rollback",
    "paas_scale",
    "paas_set_token",
    "paas_set_variables",
    "paas_settings",
    "paas_show_credential",
    "paas_shown",
    "paas_start",
    "paas_stop",
    "paas_stream",
    "paas_suspend",
    "paas_swarm_init",
    "paas_ticket",
    "paas_update",
    "paas_update_plan",
    "paas_usage_per_hour",
    "paas_used",
    "paas_variables",
    "paas_workers",
]


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams that end."""

    def told(*_: object, **__: object) -> Iterator[Line | None]:
        yield None

    monkeypatch.setattr(logs, "follow", told)


def test_every_operation_is_tried(app: Flask) -> None:
    assert {name for name in operation_ids(app) if name.startswith("paas_")} == set(OPERATIONS)


@pytest.fixture
def known(client: FlaskClient) -> dict[str, list[str]]:
    """What paths may name beside apps."""
    plans = client.get("/api/admin/paas/plans").json["plans"]
    workers = client.get("/api/admin/paas/workers").json["workers"]
    return {
        "plan_id": [one["id"] for one in plans],
        "worker_id": [one["id"] for one in workers],
        "key": ["DATABASE_URL", "SECRET_KEY"],
    }


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.usefixtures("ending")
def test_no_undocumented_answer(app: Flask, name: str, known: dict[str, list[str]]) -> None:
    check_operation(app, name, known=known)
