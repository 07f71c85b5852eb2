"""Wake-ups between processes: who waits looks at the database again when one arrives.

A wake-up carries nothing and may be lost, so waiting is always bounded.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from redis import Redis
from redis.client import PubSub
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

CHANNEL = "paas:wake:"
# Without Redis nobody wakes the waiting, so they look this often.
BLIND_SECONDS = 0.5


class Listener:
    """One waiting thread."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._event = threading.Event()

    def wake(self) -> None:
        """Let the waiting thread go on."""
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Return at the next wake-up, at the latest after ``seconds``."""
        self._event.wait(seconds if self._hub.hears else min(seconds, BLIND_SECONDS))
        self._event.clear()


class Hub:
    """One subscription per process, however many threads wait."""

    def __init__(self, connection: Redis) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._listeners: dict[str, set[Listener]] = {}
        self._thread: threading.Thread | None = None
        self._pid = 0
        self.hears = False

    def publish(self, topic: str) -> None:
        """Wake all who listen to the topic, in every process."""
        try:
            self._connection.publish(CHANNEL + topic, b"")
        except RedisError as error:
            log.debug("no wake-up could be sent", error=str(error))

    @contextmanager
    def listen(self, topic: str) -> Iterator[Listener]:
        """Be woken for the topic within the block."""
        listener = Listener(self)
        with self._lock:
            self._ensure_thread()
            self._listeners.setdefault(topic, set()).add(listener)
        try:
            yield listener
        finally:
            with self._lock:
                group = self._listeners[topic]
                group.discard(listener)
                if not group:
                    del self._listeners[topic]

    def _ensure_thread(self) -> None:
        # A forked process has the object but not the thread.
        if self._thread is None or self._pid != os.getpid():
            self._pid = os.getpid()
            self.hears = False
            self._thread = threading.Thread(target=self._hear, name="hub", daemon=True)
            self._thread.start()

    def _hear(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self._hear_once()
            except (RedisError, OSError) as error:
                self.hears = False
                log.debug("the wake-up channel is closed", error=str(error))
                pause.wait(BLIND_SECONDS)

    def _hear_once(self) -> None:
        channel: PubSub = self._connection.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        with channel:
            channel.psubscribe(CHANNEL + "*")
            self.hears = True
            # What happened while nobody heard is looked up by waking everybody.
            self._wake_all()
            for message in channel.listen():  # type: ignore[no-untyped-call]
                topic = message["channel"].decode()[len(CHANNEL) :]
                with self._lock:
                    woken = tuple(self._listeners.get(topic, ()))
                for listener in woken:
                    listener.wake()

    def _wake_all(self) -> None:
        with self._lock:
            everybody = [one for group in self._listeners.values() for one in group]
        for listener in everybody:
            listener.wake()
