"""Encryption at rest, with a key that the first start makes."""

import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from paas.domain.errors import SettingsError


class Vault:
    """Seals and opens what must not lie in the database as text.

    ``keys`` are Fernet keys, one a line: the first seals, all open, so that a key can be
    renewed by putting a new one in front.
    """

    def __init__(self, keys: str) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys.split()])
        except ValueError as error:
            raise SettingsError(
                "The instance's secret.key holds no usable key. Put the key of this instance "
                "back from your backup; a new one cannot open what the old one sealed."
            ) from error

    def seal(self, data: bytes) -> bytes:
        """Encrypt and sign."""
        return self._fernet.encrypt(data)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt; raises ``SettingsError`` when the key is not the one that sealed."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise SettingsError(
                "A secret in the database was sealed with another key than the instance's "
                "secret.key. Restore the key that belongs to this database."
            ) from error

    def seal_map(self, values: Mapping[str, str]) -> bytes:
        """Seal a mapping of text."""
        return self.seal(json.dumps(dict(values)).encode())

    def open_map(self, sealed: bytes) -> dict[str, str]:
        """Open what ``seal_map`` made."""
        opened: dict[str, str] = json.loads(self.open(sealed))
        return opened
