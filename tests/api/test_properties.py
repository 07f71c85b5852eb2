"""Whatever a client sends to document 001 and to what no document names: no failure of the
platform, and no answer that is not documented. The other documents' are in their folders."""

from collections.abc import Iterator

import pytest
from flask import Flask

from paas.domain.views import EventView
from paas.services import downloads, events, logs
from tests.api.properties import check_operation, operation_ids

OPERATIONS = [
    "deploy_deploy",
    "deploy_listed",
    "deploy_shown",
    "deploy_delete",
    "deploy_logs",
    "deploy_runtime_logs",
    "deploy_redeploy",
    "deploy_stop",
    "deploy_start",
    "deploy_restart",
    "deploy_shutdown",
    "deploy_drift",
    "deploy_answer_drift",
    "deploy_frameworks",
    "deploy_stats",
    "deploy_health",
    "deploy_api_health",
    "upkeep_report",
    "upkeep_run",
    "upkeep_adopt",
    "upkeep_remove",
    "platform_events",
    "platform_terraform",
    "platform_metrics",
    "platform_openapi",
    "platform_docs",
]


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams that end, and a zip without a guest."""

    def told(*_: object) -> Iterator[EventView | None]:
        yield None

    monkeypatch.setattr(events, "stream", told)
    monkeypatch.setattr(logs, "follow", told)
    monkeypatch.setattr(downloads, "terraform_zip", lambda *_: b"PK")


def test_every_operation_is_tried(app: Flask) -> None:
    elsewhere = ("paas_", "panel_", "hooks_")
    found = {name for name in operation_ids(app) if not name.startswith(elsewhere)}
    assert found == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.usefixtures("ending")
def test_no_undocumented_answer(app: Flask, name: str) -> None:
    check_operation(app, name)
