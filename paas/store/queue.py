"""The queue: a wake-up call with an operation's id, never the record of anything."""

import time

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job

log = structlog.get_logger(__name__)

QUEUE = "operations"
ENTRY = "paas.jobs.run"
# Ended jobs stay this long, so that operators find them in the dashboard.
KEPT_SECONDS = 3600
# The dashboard finds the queue in a list of names, which a new Redis does not have any more.
NAMED_EVERY_SECONDS = 5.0


class WorkQueue:
    """Enqueues operations under the job id ``operation-<id>-<epoch>``."""

    def __init__(self, connection: Redis) -> None:
        self.connection = connection
        self._suspects: set[str] = set()
        self._name_again = 0.0

    def enqueue(self, operation_id: int, uuid: str, epoch: int) -> None:
        """Ask a worker to take the operation up. Without Redis nothing is lost: the sweeper
        asks again."""
        try:
            self._push(job_id(operation_id, epoch), uuid)
        except RedisError as error:
            log.warning("the queue does not answer; the sweeper will try again", error=str(error))

    def _push(self, name: str, uuid: str) -> None:
        queue = Queue(QUEUE, connection=self.connection)
        # A job under a unique id goes its own way; the pipeline gets only the queue's name.
        naming = self.connection.pipeline()
        try:
            queue.enqueue_call(
                ENTRY,
                args=[uuid],
                job_id=name,
                timeout=-1,
                result_ttl=KEPT_SECONDS,
                failure_ttl=KEPT_SECONDS,
                description=f"operation {uuid}",
                unique=True,
                pipeline=naming,
            )
        except DuplicateJobError:
            self._replace_if_lost(queue, name, uuid)
        if time.monotonic() >= self._name_again:
            naming.execute()
            self._name_again = time.monotonic() + NAMED_EVERY_SECONDS

    def _replace_if_lost(self, queue: Queue, name: str, uuid: str) -> None:
        """A job of this id that no worker will run any more is removed and pushed anew.

        A worker may hold a job that it has not begun, so it counts as lost only when it was
        found outside the queue at two looks in a row.
        """
        try:
            job = Job.fetch(name, connection=self.connection)
        except NoSuchJobError:
            # It has ended meanwhile, or Redis lost it and its worker wrote on: what that leaves
            # is no job any more, but keeps its id from being used.
            self.connection.delete(Job.key_for(name))
            self._push(name, uuid)
            return
        if self.connection.lpos(queue.key, name) is not None:
            self._suspects.discard(name)
        elif job.is_finished or job.is_failed or name in self._suspects:
            self._suspects.discard(name)
            job.delete()
            self._push(name, uuid)
        else:
            self._suspects.add(name)


def job_id(operation_id: int, epoch: int) -> str:
    """The id of the job that will hold the operation under ``epoch``."""
    return f"operation-{operation_id}-{epoch}"
