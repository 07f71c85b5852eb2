"""What ``ansible_child.py`` says, as readable lines and sentences."""

import json
from collections.abc import Callable, Mapping
from typing import Any

UNREACHABLE = "runner_on_unreachable"
FAILED = ("runner_on_failed", UNREACHABLE)
# One turn of a task's loop; of the whole task Ansible only says that some turns failed.
ITEM = "runner_item_on_failed"
MOST_LINES = 200
CHECKS = "Validating arguments against arg spec"


class Reader:
    """Takes the child's lines, passes readable ones on, and remembers what failed."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lived = False
        self._failures: list[str] = []
        self._other: list[str] = []
        self._item: Mapping[str, Any] = {}
        self.is_unreachable = False

    def read(self, line: str) -> None:
        """Take one line of the child's standard output."""
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            self.read_plain(line)
            return
        kind = message["event"]
        if kind == "live":
            self._lived = True
            self._say(str(message["text"]))
        elif kind in ("verbose", "error"):
            self._take_verbose(str(message["text"]))
        else:
            self._take(kind, str(message["task"]), message)

    def read_plain(self, line: str) -> None:
        """Take a line that is no event, such as a traceback."""
        self._other = [*self._other[-MOST_LINES:], line]

    def failure(self) -> tuple[str, str]:
        """A sentence and its detail, for a run that failed."""
        if self._failures:
            return self._failures[0], "\n".join([*self._failures[1:], *self._other])
        errors = [line for line in self._other if "ERROR" in line] or self._other[-1:]
        reason = " ".join(errors[0].split()) if errors else "it did not say why"
        return f"Ansible could not run the playbook: {reason}", "\n".join(self._other)

    def _take_verbose(self, text: str) -> None:
        for line in text.splitlines():
            if line.strip():
                self.read_plain(line)
                if "ERROR" in line:
                    self._say(line.strip())

    def _take(self, kind: str, task: str, message: Mapping[str, Any]) -> None:
        result = message["result"]
        if task.startswith(CHECKS) and kind not in FAILED:
            return
        if kind == "playbook_on_task_start":
            self._lived = False
            self._item = {}
            self._say(f"{task} ...")
        elif kind == "runner_on_ok":
            self._say_output(result)
            self._say(f"{task}: {'nothing to do' if _is_unchanged(result) else 'done'}")
        elif kind == "runner_on_skipped":
            self._say(f"{task}: not needed")
        elif kind == ITEM:
            self._item = self._item or result
        elif kind in FAILED:
            result = self._item or result
            self.is_unreachable = self.is_unreachable or kind == UNREACHABLE
            self._say_output(result)
            self._take_failure(task, result, bool(message["ignored"]))

    def _take_failure(self, task: str, result: Mapping[str, Any], ignored: bool) -> None:
        reason = str(result.get("msg") or result.get("censored") or "it did not say why")
        lines = [line for line in _output(result) if line.strip()]
        last = f"; its last line: {lines[-1].strip()[:500]}" if lines else ""
        self._say(f"{task}: failed: {reason}")
        if not ignored:
            sentence = " ".join(f"{task} failed: {reason}{last}".split())
            self._failures += [sentence, *lines[-MOST_LINES:]]

    def _say_output(self, result: Mapping[str, Any]) -> None:
        """Output that has been passed on live is not said again."""
        if not self._lived:
            for line in _output(result):
                self._say(line)


def _is_unchanged(result: Mapping[str, Any]) -> bool:
    """A result that is hidden for its secrets does not say."""
    return not result.get("changed") and "censored" not in result


def _output(result: Mapping[str, Any]) -> list[str]:
    parts = (result.get(name) or [] for name in ("output", "stdout_lines", "stderr_lines"))
    return [str(line) for part in parts for line in part]
