"""Secrets are taken out of log lines before these are stored or sent."""

from collections.abc import Iterable, Sequence

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

    def clean_pieces(self, texts: Sequence[str], piece: int) -> list[str]:
        """Texts that were written one after another; one of ``piece`` bytes or more goes on in
        the next, as does, for all we know, the last one.

        What came before the first is not known: what it begins with may be the end of a secret.
        """
        cleaned: list[str] = []
        run: list[str] = []
        for text in texts:
            run.append(text)
            if len(text) < piece // 4 or len(text.encode("utf-8", "replace")) < piece:
                cleaned += self._clean_run(run, begins=not cleaned, is_cut=False)
                run = []
        return cleaned + self._clean_run(run, begins=not cleaned, is_cut=True)

    def _clean_run(self, run: list[str], *, begins: bool, is_cut: bool) -> list[str]:
        """The pieces of one line; a secret is hidden in the piece in which it begins."""
        if not run:
            return []
        text = "".join(run)
        spans = self._spans(text)
        if begins:
            spans.append((0, self._end_of_one(text)))
        if is_cut:
            spans.append((len(text) - self._beginning_of_one(text), len(text)))
        return _hidden(run, _merged(spans))

    def _spans(self, text: str) -> list[tuple[int, int]]:
        found = []
        for secret in self._secrets:
            start = text.find(secret)
            while start >= 0:
                found.append((start, start + len(secret)))
                start = text.find(secret, start + 1)
        return found

    def _end_of_one(self, text: str) -> int:
        """How much of the text's beginning is the end of a secret; a few letters may be."""
        found = 0
        for secret in self._secrets:
            start = secret.find(text[:SHORTEST], 1)
            while start > 0 and len(secret) - start >= SHORTEST:
                if text.startswith(secret[start:]):
                    found = max(found, len(secret) - start)
                start = secret.find(text[:SHORTEST], start + 1)
        return found

    def _beginning_of_one(self, text: str) -> int:
        """How much of the text's end is the beginning of a secret."""
        found = 0
        for secret in self._secrets:
            start = text.find(secret[0], max(len(text) - len(secret) + 1, 0))
            while start >= 0:
                if secret.startswith(text[start:]):
                    found = max(found, len(text) - start)
                start = text.find(secret[0], start + 1)
        return found


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order, those that overlap as one, empty ones left out."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _hidden(run: Sequence[str], spans: Sequence[tuple[int, int]]) -> list[str]:
    """The pieces without these spans of their whole."""
    cleaned, offset = [], 0
    for text in run:
        parts, place = [], 0
        for start, end in spans:
            first, last = max(start - offset, 0), min(end - offset, len(text))
            if first < last:
                parts += [text[place:first], HIDDEN if start >= offset else ""]
                place = last
        cleaned.append("".join([*parts, text[place:]]))
        offset += len(text)
    return cleaned
