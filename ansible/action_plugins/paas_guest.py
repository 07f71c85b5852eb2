"""Asks the guest program to do one thing, over the connection that Ansible keeps.

    paas_guest:
      program: the command that runs the guest program, as a list
      verb: setup, submit
      request: what it is given
      secrets: parts of the request by the names of the variables that hold them; what is no
        argument of the task stands in none of Ansible's own results
      files: local files by name, sent when the guest program says that it needs them
      live: a local file that takes the work's output while it runs
      wanted: a version; work that installs a language fails unless one satisfies it

One exchange costs a tenth of what a module does: nothing is packed, sent and unpacked for it.
Work that takes long goes on in the guest when the connection breaks, and is followed again.
"""

import json
import re
import shlex
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

PATIENCE = 2.0
KEPT_LINES = 400
# What a transfer says that would end in the same way again.
LASTING = re.compile(
    r"No space left|quota exceeded|Permission denied|Read-only file system|File too large"
)


class Refusal(Exception):
    """The guest program's sentence."""


class ActionModule(ActionBase):
    """Runs on the platform's side."""

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        args = self._task.args
        lines = []
        try:
            answer = self._submit(args, self._secrets(task_vars or {}))
            if answer.get("working"):
                answer = self._follow(args, lines)
        except Refusal as refusal:
            answer = {"failed": str(refusal)}
        sentence = str(answer.get("failed") or self._unfit(args, answer)).rstrip(".")
        if sentence:
            return {"failed": True, "msg": sentence, "output": lines[-KEPT_LINES:]}
        return {"changed": bool(answer.get("changed")), "output": lines[-KEPT_LINES:]}

    def _secrets(self, variables):
        names = self._task.args.get("secrets") or {}
        return {part: self._templar.template(variables[name]) for part, name in names.items()}

    def _submit(self, args, secrets):
        """Ask, sending the files that the answer asks for, until it is another one."""
        files = {name: Path(path) for name, path in (args.get("files") or {}).items()}
        sizes = {name: path.stat().st_size for name, path in files.items() if path.exists()}
        request = {**args["request"], **secrets, "sizes": sizes}
        answer = self._ask(args, args["verb"], request)
        for name, place in dict(answer.get("needs") or {}).items():
            if name not in sizes:
                raise Refusal(f"the file {name} is needed again and is not there any more")
            self._send(files[name], place)
        if answer.get("needs"):
            answer = self._ask(args, args["verb"], request)
        if answer.get("needs"):
            raise Refusal(f"these files did not arrive whole: {', '.join(answer['needs'])}")
        return answer

    def _send(self, file, place):
        """Bring a file; one whose transfer was killed can be brought by another play."""
        try:
            self._connection.put_file(str(file), place)
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:
            said = " ".join(str(error).split())
            if LASTING.search(said):
                raise Refusal(said) from error
            raise AnsibleConnectionFailure(f"the transfer of a file broke off: {said}") from error

    def _follow(self, args, lines):
        """The work's result; its output goes where it is watched as it comes."""
        live = args.get("live")
        offset = 0
        while True:
            answer = self._ask(args, "follow", {"offset": offset, "patience": PATIENCE})
            offset = answer["offset"]
            lines += answer["lines"]
            if live and answer["lines"]:
                with Path(live).open("a", encoding="utf-8", errors="replace") as file:
                    file.writelines(f"{line}\n" for line in answer["lines"])
            if not answer["working"]:
                return answer

    def _ask(self, args, verb, request):
        command = shlex.join([*args["program"], verb])
        data = json.dumps(request).encode()
        code, output, errors = self._connection.exec_command(command, in_data=data, sudoable=False)
        if code < 0:
            raise AnsibleConnectionFailure(f"the connection's program was ended by signal {-code}")
        if code != 0:
            said = " ".join(errors.decode("utf-8", "replace").split())
            raise Refusal(said or f"the guest program ended with exit code {code}")
        return json.loads(output)

    def _unfit(self, args, answer):
        """Why what was installed just now will not do; empty when it will."""
        wanted, versions = args.get("wanted"), answer.get("versions")
        if not wanted or not versions:
            return ""
        from paas.frameworks.versions import newest

        have = [one["version"] for one in versions]
        if newest(args["language"], wanted, have):
            return ""
        return (
            f"the repository asks for version {wanted}, and the guest's packages have "
            f"{', '.join(have)}; use a template that has a fitting one, or change what the "
            "repository asks for"
        )
