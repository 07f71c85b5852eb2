"""The parameters of this document's paths."""

import re

from paas.api.paths import UUID
from paas.domain.errors import NotFound


def an_id(name: str, description: str) -> dict[str, dict[str, object]]:
    """A uuid in a path."""
    schema: dict[str, object] = {
        "type": "string",
        "format": "uuid",
        "pattern": UUID,
        "description": description,
        "example": "2f0c1f8e-6f0b-4b43-8f0e-0d2c6a3b9d11",
    }
    return {name: schema}


def id_of(text: str, sentence: str) -> str:
    """The id in a path, as ids are written; what cannot be one is not found."""
    if not re.fullmatch(UUID, text):
        raise NotFound(sentence)
    return text.lower()
