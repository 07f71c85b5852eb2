"""What no document names: streams, downloads, metrics, and the description of the API itself."""

from paas.api.dialect import Dialect
from paas.api.platform.envelope import document_error, render_error
from paas.api.platform.routes import blueprint
from paas.api.rates import BY_ROLE_ELSEWHERE

DIALECT = Dialect(
    name="platform",
    blueprint=blueprint,
    # What lies below /api/deployments answers errors in the words of its owner.
    claims=("/metrics", "/openapi.json", "/docs"),
    render_error=render_error,
    document_error=document_error,
    always=(403, 429),
    rates=BY_ROLE_ELSEWHERE,
    open_door=True,
)
