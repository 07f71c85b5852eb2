"""The processes behind the queue: RQ's entry point, the worker, the sweeper."""

import ctypes
import mmap
import os
import signal
import threading
from contextlib import suppress
from types import FrameType

import structlog
from redis import Redis
from rq import Queue, Worker
from rq.job import Job

from paas.domain.errors import PaasError
from paas.engine import assembly, operation, plans
from paas.engine.platform import Platform
from paas.engine.provision import find_binary
from paas.engine.sweeper import Sweeper
from paas.settings import Settings, environment
from paas.store.queue import QUEUE
from paas.tools.ansible_loaded import Loaded
from paas.tools.process import clean_environment

log = structlog.get_logger(__name__)

PR_SET_PDEATHSIG = 1

_platform: Platform | None = None


def run(operation_uuid: str) -> None:
    """Run one operation; the worker has put the platform together before it forked."""
    if _platform is None:
        raise RuntimeError("this job runs in a worker that `paas worker` or `paas run` started")
    operation.run(_platform, plans.PLANS, operation_uuid)


class OperationWorker(Worker):
    """An RQ worker whose job ends with it and hears that it should stop.

    The flag is a byte of memory shared with the forked job, which looks at it between steps:
    a job must never be signalled, for Terraform would be.
    """

    def __init__(self, connection: Redis, flag: mmap.mmap) -> None:
        super().__init__([Queue(QUEUE, connection=connection)], connection=connection)
        self._flag = flag

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Let the job end its step, then end."""
        self._flag[0] = 1
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Run the job in a process that dies with its worker."""
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        super().main_work_horse(job, queue)


def work(settings: Settings, loaded: Loaded | None = None) -> None:
    """Run operations until SIGTERM or SIGINT; a running step is let end first.

    ``loaded`` has Ansible for all workers of a machine; a worker without it has its own.
    """
    global _platform
    flag = mmap.mmap(-1, 1)
    loaded = loaded or Loaded.start(clean_environment(environment(), {}), settings.instance)
    _platform = assembly.build(settings, stopping=lambda: flag[0] != 0, loaded=loaded)
    with suppress(PaasError):
        # Found once here, it need not be looked for by every job; a job says if it is missing.
        find_binary(settings.terraform, _platform.environment.get("PATH", ""))
    connection = Redis.from_url(assembly.redis_url(settings))
    worker = OperationWorker(connection, flag)
    worker.work(logging_level="WARNING")


def sweep(settings: Settings) -> None:
    """Sweep until SIGTERM or SIGINT."""
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    log.info("the sweeper has begun", pid=os.getpid())
    Sweeper(assembly.build(settings)).run(end)
