"""Who speaks: whoever the doors let in."""

from paas.api.identity import actor

__all__ = ["actor"]
