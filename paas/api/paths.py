"""The parameter that most paths have, and where the next page of a list is."""

import re
from urllib.parse import urlencode

from flask import request

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
    return uuid(text, "Deployment not found")


def uuid(text: str, missing: str) -> str:
    """An id in a path, in lower case; raises ``NotFound`` with ``missing`` for what is none."""
    if not re.fullmatch(UUID, text):
        raise NotFound(missing)
    return text.lower()


def next_page(cursor: str | None) -> dict[str, str]:
    """The header that leads to the next page of the list at this path; none at the last one."""
    if cursor is None:
        return {}
    parameters = urlencode(request.args.to_dict() | {"cursor": cursor})
    return {"Link": f'<{request.path}?{parameters}>; rel="next"'}
