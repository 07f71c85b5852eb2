"""Document 000: apps of teams, their plans and logs, and what administrators do."""

from paas.api.dialect import Dialect
from paas.api.paas.envelope import document_error, render_error
from paas.api.paas.routes import blueprint

DIALECT = Dialect(
    name="paas",
    blueprint=blueprint,
    claims=("/api/paas", "/api/admin/paas"),
    render_error=render_error,
    document_error=document_error,
    always=(403, 429),
)
