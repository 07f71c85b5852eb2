"""Names as parts of a URL."""

import re
import unicodedata


def slug_of(name: str, longest: int) -> str:
    """``Acme & Söhne`` is ``acme-sohne``; empty when the name has no letter or digit."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:longest].strip("-")
