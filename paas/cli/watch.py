"""Waits until the platform has ended what it works on, and shows how it goes."""

import time
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from paas.cli.client import Client, Json, deployment_of
from paas.cli.events import PATIENCE, Event, Pump, happenings
from paas.cli.exits import INTERRUPTED, UNREACHABLE, CliFailure
from paas.cli.progress import Display, Story
from paas.cli.text import parse_time

SETTLED = ("running", "failed", "stopped", "deleted")
TICK = 0.15
POLL = 2.0
QUIET = 0.3


class Watch:
    """Follows one deployment from ``since`` on, the platform's time of the request."""

    def __init__(
        self, client: Client, app_id: str, story: Story, display: Display, since: datetime | None
    ) -> None:
        self._client = client
        self._id = app_id
        self._story = story
        self._display = display
        self._since = since
        self._away_at: float | None = None

    def wait(self, goes_on: str) -> Json:
        """The deployment as it is when nothing works on it any more.

        The stream only tells the story: what became of the deployment is asked for, so that
        a stream that broke, or was refused for want of room, ends nothing and hides nothing.
        ``goes_on`` is the sentence for whoever interrupts.
        """
        pump = Pump(happenings(self._client, self._id))
        try:
            found = self._wait(pump)
            while (event := pump.next(QUIET)) is not None:
                self._take(event)
            return found
        except KeyboardInterrupt:
            raise CliFailure(INTERRUPTED, goes_on) from None
        except CliFailure as failure:
            if failure.code != UNREACHABLE:
                raise
            raise CliFailure(failure.code, *failure.sentences, goes_on) from failure
        finally:
            self._display.close()

    def _wait(self, pump: Pump[Event]) -> Json:
        look_at = 0.0
        while True:
            event = pump.next(TICK)
            if event is not None:
                self._take(event)
            self._display.tick()
            settles = event is not None and event.kind == "status" and event.text in SETTLED
            if settles or time.monotonic() >= look_at:
                found = self._look()
                if found is not None and ended(found):
                    return found
                look_at = time.monotonic() + POLL

    def _take(self, event: Event) -> None:
        at = parse_time(event.at)
        if self._since is not None and at is not None and at < self._since:
            return
        self._story.take(event)
        self._display.show(event)

    def _look(self) -> Json | None:
        try:
            found = deployment_of(self._client.call("GET", f"/api/deployments/{self._id}"))
        except CliFailure as failure:
            if failure.code != UNREACHABLE:
                raise
            self._away_at = self._away_at or time.monotonic()
            if time.monotonic() - self._away_at > PATIENCE:
                raise
            return None
        self._away_at = None
        return found


def ended(deployment: Json) -> bool:
    """Whether the platform works no more on it."""
    return deployment.get("operation") is None and deployment.get("status") in SETTLED


def time_of(headers: Mapping[str, str]) -> datetime | None:
    """The platform's time by its answer, in whole seconds."""
    try:
        return parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return None
