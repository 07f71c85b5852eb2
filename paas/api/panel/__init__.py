"""Document 004: signing in, and the account of whoever is signed in."""

from paas.api.dialect import Dialect
from paas.api.panel.envelope import document_error, render_error
from paas.api.panel.routes import blueprint
from paas.api.rates import Rates

DIALECT = Dialect(
    name="panel",
    blueprint=blueprint,
    claims=("/api/auth", "/api/users"),
    render_error=render_error,
    document_error=document_error,
    always=(403, 406, 429),
    rates=Rates(address="1000 per 15 minutes", below={"/api/auth": "10 per minute"}),
)
