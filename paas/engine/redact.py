"""Secrets are taken out of log lines before these are stored or sent."""

from collections.abc import Iterable

HIDDEN = "[hidden]"
# Shorter values ("1", "true") would blank out ordinary words and are no secrets.
SHORTEST = 6
# A reader of processes cuts longer lines into pieces of this length.
PIECE = 64 * 1024


class Redactor:
    """Replaces secret values, also where one lies across the cut of a very long line."""

    def __init__(self, secrets: Iterable[str]) -> None:
        parts = {line for value in secrets for line in value.splitlines()}
        # The longest goes first, so that no part of it stays behind.
        self._secrets = sorted((p for p in parts if len(p) >= SHORTEST), key=len, reverse=True)
        self._kept: dict[str, str] = {}

    def feed(self, stream: str, line: str) -> list[str]:
        """What may be stored of a line now; a piece of a longer line keeps back its end."""
        text = self._kept.pop(stream, "") + line
        if len(line) < PIECE or not self._secrets:
            return [self.clean(text)]
        cut = len(text) - len(self._secrets[0]) + 1
        for secret in self._secrets:
            found = text.find(secret, max(0, cut - len(secret) + 1))
            if 0 <= found < cut < found + len(secret):
                cut = found + len(secret)
        self._kept[stream] = text[cut:]
        return [self.clean(text[:cut])]

    def clean(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text
