"""What ``terraform -json`` says, as readable lines, changes and sentences."""

import json
import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from paas.domain.errors import StepFailed

HARMLESS = frozenset({"noop", "read", "move"})
SILENT = frozenset({"version", "outputs", "log", "refresh_start", "refresh_complete"})
KILLED = 128 + signal.SIGKILL
# What Terraform says when a provider has ended under it.
CUT_OFF = re.compile(
    r"Plugin did not respond|plugin crashed|GRPCProvider\)\S* request was cancelled"
    r"|rpc error: code = Unavailable|plugin exited before we could connect"
    r"|Unrecognized remote plugin message"
)


class TerraformFailed(StepFailed):
    """Terraform failed; ``errored_state`` is the state that it could not store, if any.

    ``was_killed`` says that it, or a provider, was ended in the middle: by hand, or by a kernel
    in want of memory. It may be tried again.
    """

    def __init__(
        self, message: str, *, detail: str, errored_state: bytes | None, was_killed: bool
    ) -> None:
        super().__init__(message, detail=detail)
        self.errored_state = errored_state
        self.was_killed = was_killed


@dataclass(frozen=True)
class Change:
    """A planned action: create, read, update, delete, replace, move, import, remove or noop."""

    address: str
    action: str


@dataclass(frozen=True)
class Plan:
    """What an apply would do, and what had changed behind Terraform's back."""

    changes: tuple[Change, ...]
    drift: tuple[Change, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether an apply would alter nothing."""
        return all(change.action in HARMLESS for change in self.changes)


def check_plan(plan: Plan, allowed: frozenset[str] | set[str]) -> None:
    """Refuse a plan with any action that the operation did not name.

    A replacement is an action of its own: allowing ``create`` and ``delete`` does not allow it.
    """
    for change in plan.changes:
        if change.action not in HARMLESS and change.action not in allowed:
            raise StepFailed(
                f"Terraform planned to {change.action} {change.address}, which this operation "
                "does not allow; nothing was changed"
            )


class Reader:
    """Takes the lines of one run and passes readable ones on."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.changes: list[Change] = []
        self.drift: list[Change] = []
        self.errors: list[str] = []
        self.outputs: dict[str, Any] = {}
        self._raw: list[str] = []
        self._say = say

    def read(self, line: str) -> None:
        """Take one line of the standard output."""
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if isinstance(message, dict):
            self._take(message)
        elif line.strip():
            self.read_plain(line)

    def read_plain(self, line: str) -> None:
        """Take a line that is not JSON, such as a crash prints."""
        if line.strip():
            self._raw.append(line)
            self._say(line)

    def plan(self) -> Plan:
        """What was planned."""
        return Plan(tuple(self.changes), tuple(self.drift))

    def failure(self, what: str) -> tuple[str, str]:
        """A sentence and its detail, for a run that failed at ``what``."""
        reasons = self.errors or self._raw[-3:] or ["it ended without a word"]
        first = " ".join(reasons[0].split())
        return f"Terraform could not {what}: {first}", "\n".join([*self.errors, *self._raw])

    def was_killed(self, code: int) -> bool:
        """Whether a run with this exit code, or a provider of its, was ended from outside."""
        return code == KILLED or any(CUT_OFF.search(line) for line in [*self.errors, *self._raw])

    def _take(self, message: Mapping[str, Any]) -> None:
        kind = message.get("type")
        if kind == "diagnostic":
            self._take_diagnostic(message["diagnostic"])
            return
        if kind == "planned_change":
            self.changes.append(_change(message))
        elif kind == "resource_drift":
            self.drift.append(_change(message))
        elif kind == "outputs":
            self.outputs = {
                name: output.get("value") for name, output in message["outputs"].items()
            }
        if kind not in SILENT:
            self._say_all(str(message.get("@message", "")))

    def _take_diagnostic(self, diagnostic: Mapping[str, Any]) -> None:
        summary = str(diagnostic.get("summary", "")).strip()
        detail = str(diagnostic.get("detail", "")).strip()
        text = f"{summary}: {detail}" if detail else summary
        severity = str(diagnostic.get("severity", "error"))
        if severity == "error":
            address = diagnostic.get("address")
            self.errors.append(f"{text} ({address})" if address else text)
        self._say_all(f"{severity}: {text}")

    def _say_all(self, text: str) -> None:
        for line in text.splitlines():
            if line.strip():
                self._say(line)


def _change(message: Mapping[str, Any]) -> Change:
    change = message["change"]
    return Change(str(change["resource"]["addr"]), str(change["action"]))


@dataclass
class Applied:
    """What an apply gave: the outputs of the root module by name."""

    outputs: dict[str, Any] = field(default_factory=dict)
