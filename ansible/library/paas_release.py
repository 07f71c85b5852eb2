#!/usr/bin/python
"""The steps of a release inside a guest, each idempotent and safe to repeat after a kill.

WANT_JSON: Ansible hands the arguments over in a file. The module imports nothing of Ansible's,
so it is neither packed nor unpacked, and runs on any Python from 3.9 on.

What a guest may write is only ever touched with the guest's own rights: a link that it plants
leads nowhere it could not go itself. Commands run through ``exec``, which enters the guest.
"""

# ruff: noqa: PTH103, PTH104, PTH105, PTH108, PTH112, PTH113, PTH114, PTH118, PTH120, PTH123
# pathlib would make up half of the time that a step takes to start.

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys

KEPT_LINES = 400
LONGEST_LINE = 4096
# Characters: a build that never stops talking must not fill the disk.
LIVE_ROOM = 8 * 1024 * 1024
COMPLETE = ".complete"


class Refusal(Exception):
    """A sentence that says what could not be done."""


def unpack(given):
    """Unpack the archive beside its place, then move it there: a folder is whole or absent."""
    folder = given["folder"]
    with owner(given):
        if os.path.isdir(folder):
            return {"changed": False}
        half = folder + ".part"
        remove(half)
        for marker in (folder + ".built", folder + ".prepared"):
            remove(marker)
        os.makedirs(half)
    with open(given["archive"], "rb") as archive:
        argv = ["tar", "-xzf", "-", "--no-same-owner", "--no-same-permissions", "-C", half]
        run_as_owner(given, argv, stdin=archive)
    with owner(given):
        os.rename(half, folder)
    return {"changed": True}


def settings(given):
    """Write the settings unless they are there already."""
    text = json.dumps(given["settings"], indent=1, sort_keys=True) + "\n"
    path = given["file"]
    with owner(given):
        with contextlib.suppress(OSError, UnicodeDecodeError), open(path) as file:
            if file.read() == text:
                return {"changed": False}
        half = path + ".part"
        remove(half)
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        os.replace(half, path)
    return {"changed": True}


def dependencies(given):
    """Install into a folder that is kept; its last file says that the installation is whole."""
    folder, app, kept = given["folder"], given["app"], given["kept"]
    marker = os.path.join(folder, COMPLETE)
    with owner(given):
        complete = os.path.isfile(marker)
    if complete:
        return {"changed": restore(given, kept, folder, app)}
    with owner(given):
        for path in (folder, *(os.path.join(app, name) for name in kept)):
            remove(path)
        os.makedirs(folder)
    output = run_all(given, given["commands"])
    for name in kept:
        link(given, os.path.join(app, name), os.path.join(folder, name))
    with owner(given), open(marker, "w"):
        pass
    return {"changed": True, "output": output}


def restore(given, kept, folder, app):
    """Bring kept folders back into the app's folder; whether there was anything to bring."""
    done = [link(given, os.path.join(folder, n), os.path.join(app, n)) for n in kept]
    return any(done)


def link(given, source, target):
    """Copy a folder by hard links, whole or not at all; whether there was anything to copy."""
    with owner(given):
        if not os.path.isdir(source) or os.path.lexists(target):
            return False
        half = target + ".paas-part"
        remove(half)
        os.makedirs(os.path.dirname(target), exist_ok=True)
    run_as_owner(given, ["cp", "-a", "-l", "--", source, half])
    with owner(given):
        os.rename(half, target)
    return True


def commands(given):
    """Run shell texts inside the guest, once per release."""
    with owner(given):
        if os.path.isfile(given["done"]):
            return {"changed": False}
    output = run_all(given, [["/bin/sh", "-c", text] for text in given["texts"]])
    with owner(given), open(given["done"], "w"):
        pass
    return {"changed": True, "output": output}


def start(given):
    """Ask the supervisor to run the release; it leaves one alone that runs already."""
    done = subprocess.run(
        given["command"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode != 0:
        raise Refusal("the release could not be started: " + (said or "no reason was given"))
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise Refusal("the guest's supervisor gave an answer that is not JSON") from None
    return {"changed": bool(answer.get("started", True)), "answer": answer}


STEPS = {
    "unpack": unpack,
    "settings": settings,
    "dependencies": dependencies,
    "commands": commands,
    "start": start,
}


@contextlib.contextmanager
def owner(given):
    """Touch files with the rights of the guest's user; as an ordinary user that is oneself."""
    if os.geteuid() != 0 or int(given["uid"]) == 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(int(given["gid"]))
    os.seteuid(int(given["uid"]))
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def run_as_owner(given, argv, stdin=subprocess.DEVNULL):
    """Run a program of the system for good as the guest's user."""
    who = {}
    if os.geteuid() == 0 and int(given["uid"]) != 0:
        who = {"user": int(given["uid"]), "group": int(given["gid"]), "extra_groups": []}
    done = subprocess.run(argv, stdin=stdin, capture_output=True, cwd="/", check=False, **who)
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Refusal(f"{argv[0]} failed: {reason[-1] if reason else 'without a word'}")


def remove(path):
    """Remove whatever is there."""
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.isdir(path):
        shutil.rmtree(path)


def run_all(given, all_commands):
    """Run commands inside the guest until one fails; the last lines that they said."""
    with Live(given.get("live", "")) as live:
        for argv in all_commands:
            code = run(given["exec"] + argv, live)
            if code != 0:
                words = argv[2] if argv[:2] == ["/bin/sh", "-c"] else " ".join(argv)
                raise Refusal(f"the command {words!r} ended with {ending(code)}", live.lines)
        return live.lines


def run(argv, live):
    """Run one command; its exit code."""
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/"
    )
    for line in iter(lambda: process.stdout.readline(LONGEST_LINE), b""):
        live.say(line.decode("utf-8", "replace").rstrip("\r\n"))
    return process.wait()


def ending(code):
    """An exit code in words."""
    number = -code if code < 0 else code - 128
    if number == signal.SIGKILL:
        return "being killed, perhaps because it used more memory than the guest has"
    if 0 < number < 65:
        return f"signal {number}"
    return f"exit code {code}"


class Live:
    """The output of commands: the last lines kept, and each written out as it comes."""

    def __init__(self, path):
        self.lines = []
        self._room = LIVE_ROOM
        self._file = open(path, "a") if path else None  # noqa: SIM115

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._file:
            self._file.close()

    def say(self, line):
        self.lines = [*self.lines[1 - KEPT_LINES :], line]
        if self._file and self._room > 0:
            self._room -= len(line)
            end = "\n" if self._room > 0 else "\nfurther output is not kept\n"
            self._file.write(line + end)
            self._file.flush()


def main():
    with open(sys.argv[1]) as file:
        given = json.load(file)
    os.umask(0o022)
    try:
        result = STEPS[given["step"]](given)
    except Refusal as refusal:
        sentence, output = refusal.args[0], list(refusal.args[1:])
        result = {"failed": True, "msg": sentence, "output": output[0] if output else []}
    except OSError as error:
        result = {"failed": True, "msg": f"{error.filename}: {error.strerror}"}
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main()
