"""Addresses of people: one spelling each, so that an account is found however it is typed."""

import re
from email.utils import parseaddr

LONGEST = 254
_ADDRESS = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
    r"@[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
)


def spelled(text: str) -> str:
    """The one spelling of an address, whether or not it is one."""
    return text.strip().lower()


def parse(text: str) -> str:
    """The address; raises ``ValueError`` with a sentence when the text is none."""
    address = spelled(text)
    if len(address) > LONGEST or not _ADDRESS.fullmatch(address):
        raise ValueError(
            f"{text[:100]!a} is no e-mail address; it looks like name@example.com, "
            "in ASCII characters"
        )
    return address


def parse_sender(text: str) -> str:
    """What stands in a letter's From, with or without a name; raises ``ValueError``."""
    parse(parseaddr(text)[1] or text)
    return text
