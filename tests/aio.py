"""Coroutines in tests: Playwright's loop runs in the tests' own thread, so others have theirs."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def run(scenario: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end."""
    return apart(asyncio.run, scenario)


def apart(act: Callable[..., Any], *given: Any) -> Any:
    """Call what runs a loop itself."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(act, *given).result()
