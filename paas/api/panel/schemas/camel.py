"""Keys as document 004 writes them: ``first_name`` here is ``firstName`` there."""

import re
from typing import Any

from marshmallow.fields import Field

from paas.api.loading import StrictSchema


class CamelCase(StrictSchema):
    """A schema whose keys are the names of its fields in camel case."""

    def on_bind_field(self, field_name: str, field_obj: Field[Any]) -> None:
        """Give the field its key."""
        field_obj.data_key = re.sub("_([a-z])", lambda found: found[1].upper(), field_name)
