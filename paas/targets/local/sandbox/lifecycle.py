"""Making, reviving and removing a guest."""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from . import control, processes, service
from .entering import APP, mark
from .layout import FOREIGN, HOME_FOLDERS, Guest, GuestError, build, load, log_folder, save

PROGRAM = Path(__file__).resolve().parent.parent / "guest.py"
ENDING = 30.0


def wanted(environment: Mapping[str, str]) -> Guest:
    """The guest that the variables PAAS_GUEST_* describe."""
    prefix = "PAAS_GUEST_"
    values = {
        name.removeprefix(prefix).lower(): text
        for name, text in environment.items()
        if name.startswith(prefix)
    }
    try:
        folder = Path(values["folder"])
        guest = build(folder, values)
    except (KeyError, ValueError) as error:
        raise GuestError(f"The variables PAAS_GUEST_* describe no guest: {error}.") from None
    if not folder.is_absolute() or folder.name != guest.uuid:
        raise GuestError(f"The folder of guest {guest.uuid} must be absolute and end in its id.")
    return guest


def refuse_foreign(folder: Path, marker: str) -> Guest | None:
    """The guest in the folder if it carries the marker, None when there is nothing at all."""
    if not folder.exists() and not folder.is_symlink():
        return None
    try:
        found = load(folder)
    except (GuestError, OSError) as error:
        raise GuestError(f"{folder} is taken by something else: {error}", FOREIGN) from None
    if found.marker != marker:
        raise GuestError(f"{folder} is the guest of another: {found.marker}.", FOREIGN)
    return found


def create(guest: Guest) -> None:
    """Make the guest and start its supervisor; one that is there already is taken as it is."""
    present = refuse_foreign(guest.folder, guest.marker)
    if present is None:
        _make_folder(guest)
    elif present != guest:
        shut_down(present)
        save(guest)
    revive(guest)


def _make_folder(guest: Guest) -> None:
    """Make everything under another name first: a folder without a marker is never seen."""
    draft = _beside(guest.folder, "new")
    if draft.exists():
        _remove(draft)
    draft.mkdir(mode=0o711 if guest.has_own_user else 0o700, parents=True)
    made = guest._replace(folder=draft)
    log_folder(draft).mkdir(mode=0o700)
    save(made)
    made.home.mkdir(mode=0o700)
    for name in HOME_FOLDERS:
        (made.home / name).mkdir(mode=0o700)
    if guest.has_own_user:
        for folder in (*(made.home / name for name in HOME_FOLDERS), made.home):
            os.chown(folder, guest.uid, guest.uid)
    # The mode of mkdir is subject to the umask of whoever runs this.
    draft.chmod(0o711 if guest.has_own_user else 0o700)
    draft.rename(guest.folder)


def _beside(folder: Path, what: str) -> Path:
    return folder.with_name(f".{folder.name}.{what}")


def destroy(folder: Path, marker: str) -> None:
    """End everything of a guest and remove it; nothing happens when it is absent."""
    guest = refuse_foreign(folder, marker)
    gone = _beside(folder, "gone")
    if guest is not None:
        shut_down(guest)
        _kill_all(guest, lambda: _everything_of(guest))
        _remove(gone)
        folder.rename(gone)
    _remove(gone)
    _remove(_beside(folder, "new"))


def _remove(folder: Path) -> None:
    # Imported here, because making a guest should not wait for it.
    from .removal import remove_tree

    remove_tree(folder)


def shut_down(guest: Guest) -> None:
    """End the supervisor, and with it the app."""
    pid = service.supervisor_pid(guest.folder)
    if pid is None:
        return
    try:
        control.ask(guest.folder, "shutdown", timeout=5.0)
    except (control.Unreachable, GuestError):
        processes.send_signal([pid], signal.SIGTERM)
    if not _comes_true(lambda: not processes.is_running(pid), ENDING):
        processes.send_signal([pid], signal.SIGKILL)
        _comes_true(lambda: not processes.is_running(pid), ENDING)


def _everything_of(guest: Guest) -> list[int]:
    """All processes of a guest, a supervisor that has only just started among them."""
    found = [*processes.marked(mark(guest)), *processes.marked(_supervisor_mark(guest))]
    return [*found, *processes.of_user(guest.uid)] if guest.has_own_user else found


def _supervisor_mark(guest: Guest) -> str:
    return f"PAAS_SUPERVISOR={guest.uuid}"


def _kill_all(guest: Guest, find: Callable[[], list[int]]) -> None:
    """Kill what is found until nothing is."""

    def is_clean() -> bool:
        left = find()
        processes.send_signal(left, signal.SIGKILL)
        return not left

    if not _comes_true(is_clean, ENDING):
        raise GuestError(f"Processes of guest {guest.uuid} cannot be ended.")


def _comes_true(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def revive(guest: Guest) -> bool:
    """Start a supervisor if none lives; whether one was started.

    An app whose supervisor and keeper were both killed may still hold ports: it ends first.
    Builds are left alone, because they are not the supervisor's.
    """
    if service.supervisor_pid(guest.folder) is not None:
        return False
    _kill_all(guest, lambda: processes.marked(mark(guest), APP))
    _spawn(guest)
    return True


def _spawn(guest: Guest) -> None:
    """Start the supervisor apart from everything that runs this program."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _detach(guest, writing)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answers:
        answer = answers.read()
    if answer != service.READY:
        raise GuestError(
            answer or f"The guest's supervisor ended at once; see {log_folder(guest.folder)}."
        )


def _detach(guest: Guest, ready: int) -> NoReturn:
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        _reset_signals()
        _redirect(guest)
        os.chdir("/")
        os.dup2(ready, 3)
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        argv = [sys.executable, "-I", "-S", str(PROGRAM), "serve"]
        argv += ["--guest", str(guest.folder), "--ready", "3"]
        name, _, value = _supervisor_mark(guest).partition("=")
        environment = {name: value, "PATH": os.defpath, "LANG": "C.UTF-8"}
        os.execve(sys.executable, argv, environment)  # noqa: S606
    finally:
        os._exit(1)


def _reset_signals() -> None:
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _redirect(guest: Guest) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    path = log_folder(guest.folder) / "supervisor.log"
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for number, descriptor in enumerate((null, log, log)):
        os.dup2(descriptor, number)
