"""One accepted work, from the request to its end: what all changing verbs share."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from paas.cli.client import Answer, Client, Json, deployment_of, failure_of
from paas.cli.exits import FAILED, INTERRUPTED, UNREACHABLE, CliFailure
from paas.cli.progress import Story, display_for
from paas.cli.session import Session, say
from paas.cli.text import duration, neutral
from paas.cli.watch import Watch, time_of

ASYNC = {"Prefer": "respond-async"}
PAUSES = (0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class Request:
    """A change to ask for.

    ``wanted`` are the statuses of which one makes it a success; where the status is the same
    after a failure, ``by_message`` lets the deployment's error message decide. A change to
    ``accepted`` is a success that the error message tells of. ``what`` begins sentences ("The
    deployment of shop"); ``subject`` is the deployment as it was before.
    """

    method: str
    path: str
    wanted: str | tuple[str, ...]
    what: str
    subject: Json | None = None
    by_message: bool = False
    accepted: str = ""
    body: Json | None = None
    headers: Mapping[str, str] | None = None


def carry_out(session: Session, request: Request, *, verbose: bool, detach: bool) -> None:
    """Send the request, follow the work to its end, and say what came of it."""
    client = session.client()
    began = time.monotonic()
    answer = _send(client, request)
    deployment = _deployment(client, request, answer)
    if detach and answer.status == 202:
        _say_accepted(session, deployment)
        return
    story = Story()
    if answer.status == 202:
        deployment = _follow(client, request, deployment, answer, story, verbose=verbose)
    _conclude(session, request, deployment, story, time.monotonic() - began, verbose=verbose)


def _send(client: Client, request: Request) -> Answer:
    headers = {**ASYNC, **(request.headers or {})}
    pauses = list(PAUSES) if "Idempotency-Key" in headers else []
    while True:
        try:
            return _attempt(client, request, headers)
        except CliFailure as failure:
            # A connection that broke in the middle leaves open whether the request arrived;
            # its key makes a second one find the first instead of repeating it.
            broke = isinstance(failure.__cause__, OSError)
            refused = isinstance(failure.__cause__, ConnectionRefusedError)
            if failure.code != UNREACHABLE or not broke or not pauses:
                raise
            if refused and len(pauses) == len(PAUSES):
                raise
            time.sleep(pauses.pop(0))


def _attempt(client: Client, request: Request, headers: Mapping[str, str]) -> Answer:
    try:
        answer = client.ask(request.method, request.path, body=request.body, headers=headers)
    except KeyboardInterrupt:
        raise CliFailure(
            INTERRUPTED,
            "Interrupted before the platform answered: it may have accepted the request. "
            "`paas list` shows what it works on.",
        ) from None
    if answer.status >= 300 and not _is_failed_work(answer):
        raise failure_of(answer)
    return answer


def _is_failed_work(answer: Answer) -> bool:
    return answer.status == 500 and isinstance(answer.document.get("deployment"), dict)


def _deployment(client: Client, request: Request, answer: Answer) -> Json:
    """The accepted deployment, or the one that the answer says is done with, in full."""
    shown = answer.document.get("deployment")
    if answer.status == 202 and isinstance(shown, dict):
        return shown
    known = shown if isinstance(shown, dict) else request.subject or {}
    return deployment_of(client.call("GET", f"/api/deployments/{known.get('id')}"))


def _say_accepted(session: Session, deployment: Json) -> None:
    app_id = str(deployment.get("id"))
    say(f"Accepted; follow it with `paas logs -f {app_id}`.")
    session.result({"success": True, "deployment": deployment}, neutral(app_id))


def _follow(
    client: Client,
    request: Request,
    deployment: Json,
    answer: Answer,
    story: Story,
    *,
    verbose: bool,
) -> Json:
    display = display_for(sys.stderr, story, verbose=verbose)
    app_id = str(deployment.get("id"))
    watch = Watch(client, app_id, story, display, time_of(answer.headers))
    name = neutral(str(deployment.get("name", app_id)))
    return watch.wait(f"{request.what} goes on; `paas logs -f {name}` follows it.")


def _conclude(
    session: Session,
    request: Request,
    deployment: Json,
    story: Story,
    seconds: float,
    *,
    verbose: bool,
) -> None:
    document: Json = {
        "success": True,
        "deployment": deployment,
        "steps": list(story.steps.values()),
        "seconds": round(seconds, 3),
    }
    reason = deployment.get("error_message")
    status = deployment.get("status")
    wanted = (request.wanted,) if isinstance(request.wanted, str) else request.wanted
    if status in wanted and not (request.by_message and reason):
        session.result(document, _success(deployment, seconds))
        return
    if status == request.accepted and (request.subject or {}).get("status") != status:
        session.result(document, neutral(f"{deployment.get('name')}: {reason}"))
        return
    if not verbose:
        for line in story.tail:
            say(f"  {line}")
    why = str(reason or f"the deployment is {status} now.")
    raise CliFailure(FAILED, f"{request.what} failed: {why}", document=document)


def _success(deployment: Json, seconds: float) -> str:
    where, status = deployment.get("access_url"), deployment.get("status")
    at = f" at {where}" if where and status == "running" else ""
    return neutral(f"{deployment.get('name')} is {status}{at} ({duration(seconds)}).")
