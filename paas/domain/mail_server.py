"""The mail server of the settings: ``smtp://user:password@mail.example.com:587``."""

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True)
class MailServer:
    """``tls`` is whether TLS begins with the connection; else it does by STARTTLS."""

    host: str
    port: int
    tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> "MailServer":
        """Read a URL; raises ``ValueError`` with words that do not repeat the password."""
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = 0
        if parts.scheme not in PORTS or not parts.hostname or port == 0 or parts.path.strip("/"):
            raise ValueError(
                "must look like smtp://user:password@mail.example.com:587, or smtps://"
            )
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if bool(user) != bool(password):
            raise ValueError("needs both a user and a password, or neither")
        is_tls = parts.scheme == "smtps"
        return cls(parts.hostname, port or PORTS[parts.scheme], is_tls, user, password)

    @property
    def is_here(self) -> bool:
        """Whether the server is this very machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
