"""Requests that start long work: how long they wait for it, and what they answer then.

``Prefer`` (RFC 7240) decides: ``respond-async`` answers 202 at once, ``wait=N`` after at most N
seconds, nothing after the instance's own bound.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Response

from paas.api.context import gate, platform
from paas.api.deploy import envelope
from paas.api.deploy.auth import actor
from paas.api.deploy.schemas import answers
from paas.api.deploy.schemas.parameters import WaitHeaders
from paas.api.loading import load_headers
from paas.api.operations import Answer
from paas.domain.states import ACTIVE_OPERATION_STATES, AppState, OperationState
from paas.domain.views import AppView, OperationView
from paas.services import deployments

HEADERS = WaitHeaders()


@dataclass(frozen=True)
class Preference:
    """What the client prefers; ``wait`` in seconds."""

    respond_async: bool = False
    wait: int | None = None

    def seconds(self, most: int) -> int:
        """How long to wait for the work."""
        if self.wait is not None:
            return min(self.wait, most)
        return 0 if self.respond_async else most

    @property
    def applied(self) -> dict[str, str]:
        """The header that says which preferences were honoured."""
        words = ["respond-async"] if self.respond_async else []
        words += [f"wait={self.wait}"] if self.wait is not None else []
        return {"Preference-Applied": ", ".join(words)} if words else {}


def preference(header: str) -> Preference:
    """Read a ``Prefer`` header; as the RFC wants, what is not understood is ignored."""
    words = [part.strip().lower() for part in re.split(r"[,;]", header)]
    waits = [match[1] for word in words if (match := re.fullmatch(r"wait\s*=\s*(\d{1,9})", word))]
    return Preference("respond-async" in words, int(waits[0]) if waits else None)


def answer(operation: OperationView, prefer: Preference, *, done: str, accepted: str) -> Response:
    """Wait for the operation as preferred, and answer with its deployment.

    ``done`` is the message when it succeeded, ``accepted`` while it goes on.
    """
    operation = _wait(operation, prefer)
    app = operation.app or deployments.get(platform(), actor(), operation.app_id)
    if operation.state in ACTIVE_OPERATION_STATES:
        return still_going(app, prefer, accepted)
    if operation.state == OperationState.SUCCEEDED:
        return envelope.success(answers.Deployed, message=done, deployment=app)
    return failed(operation, app)


def deleted(app_id: str, prefer: Preference, *, done: str, accepted: str) -> Response:
    """Wait until the deployment and its guest are gone, and say so."""
    with _place(prefer) as seconds:
        app = deployments.wait_deleted(platform(), actor(), app_id, seconds)
    if app.state is AppState.DELETED:
        return envelope.success(envelope.Message, message=done)
    return still_going(app, prefer, accepted)


def still_going(app: AppView, prefer: Preference, message: str) -> Response:
    """202, and where to ask for the outcome."""
    headers = {"Location": f"/api/deployments/{app.id}", **prefer.applied}
    return envelope.success(answers.Deployed, 202, headers, message=message, deployment=app)


def failed(operation: OperationView, app: AppView) -> Response:
    """500, as the document has it for a deployment that failed."""
    reason = operation.error or f"The {operation.kind} ended without success"
    return envelope.failure(answers.DeployFailed, 500, errors=[reason], deployment=app)


def load_preference() -> Preference:
    """The preference of the current request."""
    return preference(load_headers(HEADERS)["prefer"])


def _wait(operation: OperationView, prefer: Preference) -> OperationView:
    """The operation when it has ended or the time is up."""
    if operation.state not in ACTIVE_OPERATION_STATES:
        return operation
    with _place(prefer) as seconds:
        if seconds == 0:
            return operation
        return deployments.wait(platform(), actor(), operation.id, seconds)


@contextmanager
def _place(prefer: Preference) -> Iterator[int]:
    """For how many seconds this request may wait: none when too many wait already."""
    seconds = prefer.seconds(platform().settings.deploy_wait)
    leave = gate().enter() if seconds else None
    try:
        yield seconds if leave else 0
    finally:
        if leave:
            leave()


_PENDING = {
    "id": "2f0c1f8e-6f0b-4b43-8f0e-0d2c6a3b9d11",
    "name": "mon-application",
    "ip_address": None,
    "vm_id": None,
    "status": "pending",
    "framework": "django",
    "access_url": None,
}
RUNNING = _PENDING | {
    "ip_address": "192.168.100.10",
    "vm_id": 100,
    "status": "running",
    "access_url": "http://192.168.100.10:8000",
}


def outcomes(done: str, accepted: str, failure: str) -> dict[int, Answer]:
    """The documented answers of a work: ended well, still going, failed."""
    return {
        200: Answer(
            "The work ended well",
            (answers.Deployed,),
            {"success": True, "message": done, "deployment": RUNNING},
        ),
        202: going(accepted),
        500: broken(failure),
    }


def going(message: str) -> Answer:
    """The documented 202."""
    return Answer(
        "The work goes on; ask at Location how it ended",
        (answers.Deployed,),
        {"success": True, "message": message, "deployment": _PENDING},
        headers={
            "Location": "Where to ask for the deployment",
            "Preference-Applied": "The preferences that were honoured",
        },
    )


def broken(sentence: str) -> Answer:
    """The documented 500 of a work that failed, or of a platform that did."""
    return Answer(
        "The work failed, with its deployment; or the platform did, with `error`",
        (answers.DeployFailed, envelope.ErrorSchema),
        {"success": False, "errors": [sentence], "deployment": _PENDING | {"status": "failed"}},
    )
