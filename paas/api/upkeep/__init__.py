"""What an administrator does about guests that no deployment speaks for."""

from paas.api.dialect import Dialect
from paas.api.rates import BY_ROLE_ELSEWHERE
from paas.api.upkeep.envelope import document_error, render_error
from paas.api.upkeep.routes import blueprint

DIALECT = Dialect(
    name="upkeep",
    blueprint=blueprint,
    claims=("/api/reconcile", "/api/guests"),
    render_error=render_error,
    document_error=document_error,
    always=(403, 429),
    rates=BY_ROLE_ELSEWHERE,
    open_door=True,
)
