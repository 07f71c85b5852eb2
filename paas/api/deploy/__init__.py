"""Document 001: deployments, frameworks, statistics, health."""

from paas.api.deploy.envelope import document_error, render_error
from paas.api.deploy.routes import blueprint
from paas.api.dialect import Dialect
from paas.api.rates import BY_ROLE_ELSEWHERE

DIALECT = Dialect(
    name="deploy",
    blueprint=blueprint,
    claims=(
        "/health",
        "/api",  # The document's base URL; a longer claim of another dialect wins.
        "/api/health",
        "/api/frameworks",
        "/api/deploy",
        "/api/deployments",
        "/api/stats",
    ),
    render_error=render_error,
    document_error=document_error,
    always=(403, 429),
    rates=BY_ROLE_ELSEWHERE,
    open_door=True,
)
