"""``paas run`` and ``paas demo``: all processes of one platform, in the foreground."""

from collections.abc import Callable

from paas.settings import Settings


def run(
    settings: Settings, *, on_ready: Callable[[str], None] | None = None, quiet: bool = False
) -> int:
    """Serve the instance until a signal ends it; see ``platform.run``."""
    # The whole platform is imported here, and only by who runs it.
    from paas.running import platform

    return platform.run(settings, on_ready=on_ready, quiet=quiet)


def demo(settings: Settings, *, once: bool) -> int:
    """Deploy the bundled sample on a platform started for it; see ``demonstration.demo``."""
    from paas.running import demonstration

    return demonstration.demo(settings, once=once)
