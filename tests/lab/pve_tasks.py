"""Runs the fake's tasks: with faults, with an end that can be forced, and with the guests."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from fakepve.model import PveError, TaskError

from tests.lab.hypervisor import HypervisorError

# The checked parameters of the request being answered; a task keeps those that began it.
VALUES: ContextVar[Mapping[str, Any]] = ContextVar("values")

CREATES = ("vzcreate", "vzrestore", "qmcreate")
CLONES = ("vzclone", "qmclone")
STARTS = ("vzstart", "qmstart", "vzreboot", "qmreboot")
DESTROYS = ("vzdestroy", "qmdestroy")

ABORTED = "received interrupt"
KILLED = "unexpected status"


@dataclass(eq=False)
class Work:
    """A running task. ``guest`` is the one it makes or changes, of a clone the new one."""

    kind: str
    about: str
    guest: Any
    values: Mapping[str, Any]
    upid: str = ""
    # What it ends with when somebody ends it.
    ending: str = ""
    inner: asyncio.Task[Any] | None = None
    threads: list[asyncio.Future[Any]] = field(default_factory=list)
    # The fields of an upload, with its data.
    upload: dict[str, Any] = field(default_factory=dict)


class Tasks:
    """Mixin: every task passes the faults, then ``before``, the fake's own body and ``after``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.works: dict[str, Work] = {}

    async def answer(
        self,
        request: Any,
        match: Any,
        params: Mapping[str, Any],
        user: str,
        call: Callable[[Any, Any], Awaitable[Any]] | None = None,
    ) -> Any:
        """Remember the request's parameters for the task that it may begin."""

        async def remembering(found: Any, values: Any) -> Any:
            VALUES.set(dict(values))
            return await call(found, values)

        return await super().answer(request, match, params, user, call and remembering)

    async def task(
        self,
        node: str,
        ttype: str,
        tid: Any,
        user: str,
        body: Callable[[], Awaitable[str | None]],
        vm: Any = None,
        lock: bool = True,
        log: Any = (),
    ) -> str:
        work = Work(ttype, str(tid), vm, VALUES.get({}))
        if ttype == "imgcopy":
            work.upload, self.uploaded = self.uploaded, None

        async def whole() -> str | None:
            try:
                return await self._watched(work, body)
            finally:
                self.works.pop(work.upid, None)

        # The base class only schedules it, so the task begins after its UPID is noted.
        work.upid = await super().task(node, ttype, tid, user, whole, vm=vm, lock=lock, log=log)
        self.works[work.upid] = work
        return work.upid

    async def _watched(self, work: Work, body: Callable[[], Awaitable[str | None]]) -> str | None:
        work.inner = asyncio.ensure_future(self._steps(work, body))
        if work.ending:
            work.inner.cancel()
        try:
            return await work.inner
        except asyncio.CancelledError:
            if not work.ending:
                raise
            raise TaskError(await self._broken_off(work)) from None
        except (TaskError, HypervisorError, PveError) as error:
            text = getattr(error, "message", None) or str(error)
            raise TaskError(await self._failed(work, text)) from error
        except Exception as error:
            # Whatever it is: a task that is not told would run for ever.
            raise TaskError(await self._failed(work, f"{type(error).__name__}: {error}")) from error

    async def _steps(self, work: Work, body: Callable[[], Awaitable[str | None]]) -> str | None:
        await self.faults.at_task(work.kind)
        await self.before(work)
        note = await body()
        await self.after(work)
        return note

    async def _failed(self, work: Work, text: str) -> str:
        """Undo what a failed creation left, as its worker does; returns the task's last words."""
        if work.kind not in CREATES + CLONES:
            return text
        await self.forget(work.guest)
        if work.kind in CLONES:
            return text if text.startswith("clone failed") else f"clone failed: {text}"
        kind = "VM" if work.kind == "qmcreate" else "CT"
        verb = "restore" if work.kind == "vzrestore" else "create"
        prefix = f"unable to {verb} {kind} {work.guest.vmid} - "
        return text if text.startswith(prefix) else prefix + text

    async def _broken_off(self, work: Work) -> str:
        for thread in work.threads:
            await asyncio.wait([thread])
        if work.ending == ABORTED:
            return await self._failed(work, ABORTED)
        if work.kind in CREATES + CLONES:
            self.leave_half_made(work)
        return work.ending

    def end_work(self, work: Work, ending: str) -> None:
        """Let a task end as if its worker had got a signal: ``ABORTED`` or ``KILLED``."""
        work.ending = ending
        if work.inner is not None:
            work.inner.cancel()

    def _routes_abort(self) -> list[tuple[str, str, Any]]:
        return [("DELETE", "/nodes/{node}/tasks/{upid}", self._abort)]

    async def _abort(self, v: Mapping[str, Any], user: str) -> None:
        task = self.known_task(v["upid"])
        if not self._task_owner(user, task):
            self.require(user, f"/nodes/{v['node']}", "Sys.Modify")
        if v["upid"] in self.works:
            self.end_work(self.works[v["upid"]], ABORTED)
