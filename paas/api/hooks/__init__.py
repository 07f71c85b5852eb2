"""What git hosts send: pushes, signed with an app's secret."""

from paas.api.dialect import Dialect
from paas.api.hooks.envelope import document_error, render_error
from paas.api.hooks.routes import blueprint
from paas.api.rates import Rates

# A push of many commits is long, and GitHub's may have 2,048 of them.
LARGEST_PUSH = 5 * 1024 * 1024

DIALECT = Dialect(
    name="hooks",
    blueprint=blueprint,
    claims=("/api/hooks",),
    render_error=render_error,
    document_error=document_error,
    always=(429,),
    rates=Rates(address="120 per minute"),
    body_limit=LARGEST_PUSH,
)
