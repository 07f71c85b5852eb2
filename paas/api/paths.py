"""The parameter that most paths have."""

import re

from paas.domain.errors import NotFound

UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
DEPLOYMENT = {
    "deployment_id": {
        "type": "string",
        "format": "uuid",
        "pattern": UUID,
        "description": "The id of the deployment",
        "example": "2f0c1f8e-6f0b-4b43-8f0e-0d2c6a3b9d11",
    }
}


def app_id(text: str) -> str:
    """The id in a path, as ids are written; what cannot be one is not found."""
    if not re.fullmatch(UUID, text):
        raise NotFound("Deployment not found")
    return text.lower()
