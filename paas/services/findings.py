"""What doctor finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One need: ``says`` is a sentence about it, ``mend`` what to do when it is not met."""

    name: str
    ok: bool
    says: str
    mend: str = ""
