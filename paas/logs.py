"""The platform's own log: one JSON object per line on standard error.

``paas run`` collects the lines of all its processes and is the only writer of ``paas.log``.
Fields come from structlog (``log.info("step done", operation=id)``) or, in libraries, from
``logging``'s ``extra``.
"""

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

HIDDEN = "***"
_SECRET_NAME = re.compile(r"passw|secret|token|authorization|cookie|api_?key|private_?key", re.I)
_URL_PASSWORD = re.compile(r"(?<=://)[^/\s@]+@")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_TAKEN = _STANDARD | {"time", "level", "role", "pid", "logger", "exception"}
_secrets: set[str] = set()


def hide(*secrets: str) -> None:
    """Never write these values: they become ``***`` wherever they stand in a record.

    Values under six characters are left alone, since they would tear ordinary words apart.
    """
    _secrets.update(secret for secret in secrets if len(secret) >= 6)


def configure(role: str, level: str = "INFO", *, stream: TextIO | None = None) -> None:
    """Send every record of this process, libraries included, as JSON lines to ``stream``.

    ``role`` names the process: ``web``, ``worker-1``, ``sweeper``.
    """
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonFormatter(role))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, _to_logging],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


class JsonFormatter(logging.Formatter):
    """Writes a record as one line: time, level, role, logger, message, and the extra fields."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self.role = role

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": timestamp(record.created),
            "level": record.levelname.lower(),
            "role": self.role,
            "pid": record.process,
            "logger": record.name,
            "message": clean(record.getMessage()),
        }
        for name, value in vars(record).items():
            if name not in _TAKEN:
                line[name] = HIDDEN if _SECRET_NAME.search(name) else _plain(value)
        if record.exc_info:
            line["exception"] = clean("".join(traceback.format_exception(*record.exc_info)))
        return json.dumps(line, ensure_ascii=False, default=str)


def _to_logging(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """structlog's fields as ``extra``; a name that a record uses itself gets an underscore."""
    keywords = {name: event.pop(name) for name in ("exc_info", "stack_info") if name in event}
    message = str(event.pop("event"))
    fields = {f"{name}_" if name in _TAKEN else name: value for name, value in event.items()}
    return {"msg": message, "extra": fields, **keywords}


def timestamp(seconds: float) -> str:
    """ISO 8601 in UTC with milliseconds."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clean(text: str) -> str:
    """The text without the secrets that ``hide`` was told and without passwords in URLs."""
    for secret in _secrets:
        text = text.replace(secret, HIDDEN)
    return _URL_PASSWORD.sub(f"{HIDDEN}@", text)


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {
            str(name): HIDDEN if _SECRET_NAME.search(str(name)) else _plain(item)
            for name, item in value.items()
        }
    return clean(str(value))
