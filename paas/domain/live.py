"""The settings that an administrator changes while the platform runs, and what each may be."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

LOCAL, S3 = "local", "s3"
LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
DOMAIN = re.compile(rf"(?=.{{1,190}}$){LABEL}([.]{LABEL})*(:[0-9]{{1,5}})?")
URL = re.compile(
    r"https?://[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?"
)
REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
PREFIX = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._/-]{0,199}")
KEY = re.compile(r"[!-~]{1,256}")
SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
LONGEST_RETENTION = 3650


@dataclass(frozen=True)
class LiveSettings:
    """What holds now. Empty text means none; the names are those of document 000."""

    default_domain: str = ""
    storage_type: str = LOCAL
    s3_endpoint: str = ""
    s3_region: str = "us-east-1"
    s3_bucket: str = ""
    s3_prefix: str = ""
    s3_access_key: str = ""
    s3_secret_key: str = field(default="", repr=False)
    loki_retention_days: int = 30
    default_plan: str = ""

    @property
    def uses_s3(self) -> bool:
        """Whether archives go to an object store."""
        return self.storage_type == S3


NAMES = tuple(item.name for item in fields(LiveSettings))
SECRETS = frozenset({"s3_secret_key"})
"""Sealed at rest, and never shown."""
OF_STORAGE = frozenset(name for name in NAMES if name.startswith("s3_")) | {"storage_type"}
SET, UNSET = "set", "unset"
"""How a secret is shown; sent back, they leave it as it is."""


def _text(pattern: re.Pattern[str], *, optional: bool = True) -> Callable[[object], bool]:
    def fits(value: object) -> bool:
        empty = optional and value == ""
        return empty or (isinstance(value, str) and pattern.fullmatch(value) is not None)

    return fits


def _is_days(value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return bool(whole and 1 <= value <= LONGEST_RETENTION)


def _is_prefix(value: object) -> bool:
    if not _text(PREFIX)(value):
        return False
    return value == "" or all(part not in ("", ".", "..") for part in str(value).split("/"))


@dataclass(frozen=True)
class Rule:
    """What a setting may be: its test, its sentence, and the same as a JSON schema."""

    holds: Callable[[object], bool]
    sentence: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


RULES: Mapping[str, Rule] = {
    "default_domain": Rule(
        _text(DOMAIN),
        "Invalid default_domain. Must be a domain such as apps.example.com, or empty",
    ),
    "storage_type": Rule(
        lambda value: value in (LOCAL, S3),
        f"Invalid storage_type. Must be '{LOCAL}' or '{S3}'",
        {"type": "string", "enum": [LOCAL, S3]},
    ),
    "s3_endpoint": Rule(
        _text(URL),
        "Invalid s3_endpoint. Must be a URL such as https://s3.example.com, without a path, or "
        "empty for Amazon's own",
    ),
    "s3_region": Rule(
        _text(REGION, optional=False), "Invalid s3_region. Must be a region such as us-east-1"
    ),
    "s3_bucket": Rule(
        _text(BUCKET),
        "Invalid s3_bucket. Must be the name of a bucket: 3-63 lower-case letters, digits, dashes "
        "and dots",
    ),
    "s3_prefix": Rule(
        _is_prefix,
        "Invalid s3_prefix. Must be a path within the bucket such as paas/builds, or empty",
    ),
    "s3_access_key": Rule(
        _text(KEY), "Invalid s3_access_key. Must be at most 256 visible ASCII characters"
    ),
    "s3_secret_key": Rule(
        _text(KEY), "Invalid s3_secret_key. Must be at most 256 visible ASCII characters"
    ),
    "loki_retention_days": Rule(
        _is_days,
        f"Invalid loki_retention_days. Must be a whole number, 1-{LONGEST_RETENTION}",
        {"type": "integer", "minimum": 1, "maximum": LONGEST_RETENTION},
    ),
    "default_plan": Rule(
        _text(SLUG), "Invalid default_plan. Must be the slug of an active plan, or empty"
    ),
}
