"""The platform's log lines: JSON, one line each, without secrets."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from paas import logs


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    logs.configure("worker-1", "INFO", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def only_record(stream: io.StringIO) -> dict[str, object]:
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    record: dict[str, object] = json.loads(lines[0])
    return record


def test_structlog_and_logging_write_the_same_shape(written: io.StringIO) -> None:
    structlog.get_logger("paas.one").warning("100% done", operation=7)
    logging.getLogger("paas.two").warning("%s done", "100%", extra={"operation": 7})
    first, second = (json.loads(line) for line in written.getvalue().splitlines())
    for record in (first, second):
        assert record.pop("logger") in ("paas.one", "paas.two")
        assert record.pop("time").endswith("Z")
        del record["pid"]
    assert first == second
    assert first == {
        "level": "warning",
        "role": "worker-1",
        "message": "100% done",
        "operation": 7,
    }


def test_a_newline_in_user_text_makes_no_second_line(written: io.StringIO) -> None:
    logging.getLogger("x").info('name\n{"level": "error"}')
    assert only_record(written)["message"] == 'name\n{"level": "error"}'


def test_fields_cannot_replace_what_every_line_has(written: io.StringIO) -> None:
    structlog.get_logger("x").info("hello", name="shop", level="none", role="web", args=1)
    record = only_record(written)
    assert (record["role"], record["level"], record["message"]) == ("worker-1", "info", "hello")
    assert (record["name_"], record["level_"], record["role_"]) == ("shop", "none", "web")


def test_secrets_are_hidden_by_name_by_value_and_in_urls(written: io.StringIO) -> None:
    logs.hide("s3cret-value")
    logging.getLogger("x").info(
        "using s3cret-value at redis://user:pw@host/0",
        extra={
            "api_token": "abc",
            "settings": {"password": "abc", "port": 1, "x": ["a:s3cret-value"]},
        },
    )
    record = only_record(written)
    assert record["message"] == "using *** at redis://***@host/0"
    assert record["api_token"] == "***"
    assert record["settings"] == {"password": "***", "port": 1, "x": ["a:***"]}


def test_an_exception_is_part_of_its_line(written: io.StringIO) -> None:
    try:
        raise ValueError("postgresql://u:pw@db/x is wrong")
    except ValueError:
        structlog.get_logger("x").exception("it broke")
    record = only_record(written)
    assert record["message"] == "it broke"
    assert "ValueError: postgresql://***@db/x is wrong" in str(record["exception"])


def test_the_level_holds_for_both(written: io.StringIO) -> None:
    structlog.get_logger("x").debug("not this")
    logging.getLogger("x").debug("nor this")
    assert written.getvalue() == ""
