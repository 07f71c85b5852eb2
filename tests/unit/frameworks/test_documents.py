"""What the documents say of the catalogue is what the catalogue says."""

import re

from tests.unit.frameworks.trees import CATALOGUE, FRAMEWORKS

DOCS = FRAMEWORKS.parent / "docs"


def test_the_table_of_frameworks_is_the_catalogue() -> None:
    text = (DOCS / "frameworks.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| (\w+) \| (\d+) \|", text, re.MULTILINE)
    assert rows == [
        (key, item.name, item.runtime, str(item.port)) for key, item in CATALOGUE.items()
    ]


def test_every_secret_and_variable_of_the_catalogue_is_documented() -> None:
    text = (DOCS / "frameworks.md").read_text()
    quiet = {"GOFLAGS", "GOTOOLCHAIN", "GOWORK", "NEXT_TELEMETRY_DISABLED", "APP_DEBUG"}
    for item in CATALOGUE.values():
        for name in {*item.secrets, *item.environment} - quiet - {"PHP_CLI_SERVER_WORKERS"}:
            assert name in text, f"{item.key}: {name}"


def test_the_checklist_names_files_that_there_are() -> None:
    text = (DOCS / "checklists/add-a-framework.md").read_text()
    for path in re.findall(r"`((?:paas|tests|docs|frameworks)/[\w./-]+\.\w+)`", text):
        assert (FRAMEWORKS.parent / path).is_file(), path
