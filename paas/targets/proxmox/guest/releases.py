"""Bringing a release into the guest: the steps are those of every other target."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import paas_release  # type: ignore[import-not-found]

from paas.targets.local.sandbox.entering import Options
from paas.targets.local.sandbox.layout import GuestError

from . import places, serving

Request = Mapping[str, Any]
Answer = dict[str, object]
Say = Callable[[str], None]


class Plan:
    """Where the parts of one release lie, and which steps it takes."""

    def __init__(self, request: Request) -> None:
        machine = places.load()
        self.request = request
        self.number = int(request["release"])
        self.options = Options(request["dependencies"], request["runtime"])
        self.folder = machine.release_folder(self.number)
        self.app = self.folder / request["root"]
        self.env_file = machine.env_file(self.number)
        self.kept = machine.home / "dependencies" / (request["dependencies"] or "none")
        self.archive = places.work_folder() / f"{request['uuid']}.tar.gz"
        self.built = Path(f"{self.folder}.built")
        self.prepared = Path(f"{self.folder}.prepared")

    @property
    def is_short(self) -> bool:
        """Whether nothing is left to do that takes long."""
        request = self.request
        return (
            self.folder.is_dir()
            and (not request["install"] or (self.kept / paas_release.COMPLETE).is_file())
            and (not request["build"] or self.built.is_file())
            and (not request["prepare"] or self.prepared.is_file())
        )

    @property
    def has_archive(self) -> bool:
        return self.archive.is_file() and self.archive.stat().st_size == self.request["sizes"].get(
            "archive"
        )

    def steps(self, live: str) -> Iterator[tuple[str, dict[str, object]]]:
        """Each step's title and what it is given."""
        uid, gid = places.owner()
        common = {"uid": uid, "gid": gid, "exec": self._exec(), "live": live}
        request = self.request
        yield "Unpacking the source", self._step(common, "unpack", archive=str(self.archive))
        yield (
            "Writing the release's settings",
            {
                **common,
                "step": "settings",
                "file": str(self.env_file),
                "settings": request["settings"],
            },
        )
        if request["install"]:
            values = {"commands": request["install"], "kept": request["kept"], "app": str(self.app)}
            given = {**common, "step": "dependencies", "folder": str(self.kept), **values}
            yield "Installing the dependencies", given
        for title, name, done in (
            ("Building the release", "build", self.built),
            ("Preparing the release's data", "prepare", self.prepared),
        ):
            if request[name]:
                yield title, self._step(common, "commands", texts=request[name], done=str(done))

    def _step(self, common: dict[str, object], step: str, **values: object) -> dict[str, object]:
        return {**common, "step": step, "folder": str(self.folder), **values}

    def _exec(self) -> list[str]:
        program = [sys.executable, "-I", "-S", str(places.program()), "exec"]
        dependencies, runtime = (text or "-" for text in self.options)
        return [*program, str(self.number), dependencies, runtime, "--"]


def look(request: Request) -> Answer | None:
    """Do at once what is short, ask for the source, or leave the rest to the work."""
    plan = Plan(request)
    if plan.is_short:
        return bring(request, lambda _: None, "")
    if not plan.folder.is_dir() and not plan.has_archive:
        return {"needs": {"archive": str(plan.archive)}}
    return None


def bring(request: Request, say: Say, live: str) -> Answer:
    """Go through the steps and start the release; ``live`` takes the commands' output."""
    plan = Plan(request)
    changed = False
    for title, given in plan.steps(live):
        say(f"{title} ...")
        try:
            done = paas_release.STEPS[given["step"]](given)
        except paas_release.Refusal as refusal:
            raise GuestError(f"{title} failed: {refusal.args[0]}") from None
        changed = changed or done["changed"]
    plan.archive.unlink(missing_ok=True)
    say("Starting the release ...")
    started = serving.start_release(plan.number, plan.options)
    return {"changed": bool(changed or started["started"]), "port": started["port"]}
