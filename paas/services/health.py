"""Whether the platform itself is well."""

from importlib.metadata import version

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from paas.domain.errors import Unavailable
from paas.domain.views import HealthView
from paas.engine.platform import Platform

VERSION = version("paas")


def health(platform: Platform) -> HealthView:
    """Healthy when the database answers; raises ``Unavailable`` otherwise."""
    try:
        with platform.store.read() as session:
            session.execute(text("SELECT 1"))
    except OperationalError as error:
        raise Unavailable("The database does not answer", detail=str(error)) from error
    return HealthView("healthy", "PaaS Platform", VERSION)
