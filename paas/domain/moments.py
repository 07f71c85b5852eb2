"""Times in requests and in what guests write: ISO 8601, kept as text that sorts."""

from datetime import UTC, datetime

TIME = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?"
)


def canonical(text: str) -> str:
    """The time in UTC, as text that sorts before or equal to every other way to write it.

    Fractions lose their final zeros and the zone is ``+00:00``: ``+`` sorts before digits, ``.``
    and ``Z``. A time without a zone is taken as UTC. Raises ``ValueError`` for what is no time.
    """
    at = datetime.fromisoformat(text)
    try:
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError("the time lies outside of all years") from error
    plain = at.replace(tzinfo=None).isoformat(timespec="microseconds")
    return plain.rstrip("0").removesuffix(".") + "+00:00"


def shown(text: str) -> str:
    """A time in UTC as this API writes it: with a Z."""
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
