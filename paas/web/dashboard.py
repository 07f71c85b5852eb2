"""The RQ dashboard at /rq: to look at, not to act with.

The database decides what is to be done and a job only wakes a worker, so requeueing or
deleting jobs here would change nothing but the picture. Its pages compile templates in the
browser and carry one inline script; their policy allows that script by a nonce, and nothing
else from the page.
"""

import secrets

import rq_dashboard
from flask import Flask, Response, g, request
from redis.exceptions import RedisError
from rq.exceptions import NoSuchJobError

from paas.domain.errors import Forbidden
from paas.domain.permissions import Permission
from paas.doors import is_static
from paas.services.allowed import check
from paas.web import errors
from paas.web.access import actor

_PREFIX = "/rq"


def mount(app: Flask, redis_url: str) -> None:
    """Serve the dashboard for the Redis at ``redis_url``; no connection is made here."""
    app.config["RQ_DASHBOARD_REDIS_URL"] = redis_url
    app.config["RQ_DASHBOARD_DISABLE_DELETE"] = True
    app.config["RQ_DASHBOARD_POLL_INTERVAL"] = 3000
    rq_dashboard.web.setup_rq_connection(app)
    app.register_blueprint(rq_dashboard.blueprint, url_prefix=_PREFIX)


def _admins_alone() -> None:
    """Jobs are named after operations of all tenants."""
    if not is_static(request.endpoint or ""):
        check(actor(), Permission.ADMIN_READ)


def _read_only() -> None:
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        raise Forbidden("The page of the queue is for looking only; the platform runs its jobs")


def _nonce() -> dict[str, str]:
    g.rq_nonce = secrets.token_urlsafe(16)
    return {"rq_nonce": g.rq_nonce}


def _protect(response: Response) -> Response:
    nonce = g.pop("rq_nonce", None)
    if nonce is not None:
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; "
            "style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
            "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
        )
    return response


def _no_job(_error: NoSuchJobError) -> Response:
    return errors.page(404, ["The queue has no such job; ended jobs are kept for a while only."])


def _no_redis(_error: RedisError) -> Response:
    return errors.page(503, ["Redis does not answer, so the queue cannot be shown."])


# The dashboard's blueprint is one for the whole process and may be changed only before an
# application has registered it, so this happens once, when the module is loaded.
rq_dashboard.blueprint.before_request(_admins_alone)
rq_dashboard.blueprint.before_request(_read_only)
rq_dashboard.blueprint.context_processor(_nonce)
rq_dashboard.blueprint.after_request(_protect)
rq_dashboard.blueprint.register_error_handler(NoSuchJobError, _no_job)
rq_dashboard.blueprint.register_error_handler(RedisError, _no_redis)
