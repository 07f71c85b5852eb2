"""What the bench measures in: a folder of its own, a mirror with the sample, servers."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from paas.targets.local.target import PROGRAM as PROGRAM_OF_GUESTS

CHECKOUT = Path(__file__).resolve().parent.parent
PROGRAM = Path(sys.executable).with_name("paas")
PATIENCE = 60.0
ENDING = 90.0


class BenchFailed(RuntimeError):
    """The bench cannot go on; the text says what happened."""


def say(text: str) -> None:
    """Progress."""
    print(text, flush=True)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for(what: str, condition: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Look until it is so; BenchFailed when it takes too long."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise BenchFailed(f"{what}: not within {patience:.0f} s")
        time.sleep(0.02)


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without the settings of some other instance."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PAAS_")}
    return kept | changes


def run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command to its end and return its stdout; BenchFailed with its output."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=dict(env) if env is not None else None,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise BenchFailed(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


@dataclass(frozen=True)
class Server:
    """A server that answers on loopback."""

    pid: int
    url: str
    instance: Path


@contextmanager
def serving(
    command: list[str], instance: Path, port: int, env: Mapping[str, str]
) -> Iterator[Server]:
    """A server from its start until ``/health`` answers, and its end after the block."""
    log = instance.with_name(f"{instance.name}.log")
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, cwd=CHECKOUT, env=dict(env), stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        wait_for(f"{command[0]} on port {port}", lambda: _healthy(process, port, log))
        yield Server(process.pid, f"http://127.0.0.1:{port}", instance)
    finally:
        _end(process)


def _healthy(process: "subprocess.Popen[bytes]", port: int, log: Path) -> bool:
    if process.poll() is not None:
        raise BenchFailed(f"A server ended at once:\n{log.read_text()[-2000:]}")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(ENDING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def platform(folder: Path, name: str, **settings: str) -> Iterator[Server]:
    """A whole platform of its own under ``folder``; its guests go with it."""
    instance, port = folder / name, free_port()
    given = {"PAAS_INSTANCE": str(instance), "PAAS_PORT": str(port)} | settings
    try:
        with serving([str(PROGRAM), "run"], instance, port, environment(**given)) as server:
            yield server
    finally:
        remove_guests(instance)


@contextmanager
def web_only(folder: Path, name: str, **settings: str) -> Iterator[Server]:
    """A platform that accepts and shows, and works on nothing."""
    instance, port = folder / name, free_port()
    given = {"PAAS_INSTANCE": str(instance), "PAAS_PORT": str(port)} | settings
    command = [sys.executable, "-m", "bench.web_only"]
    with serving(command, instance, port, environment(**given)) as server:
        yield server


def remove_guests(instance: Path) -> None:
    """End and remove whatever guests an instance still has, with or without its platform."""
    for guest in sorted((instance / "guests").glob("*/guest.json")):
        marker = json.loads(guest.read_text())["marker"]
        env = environment(PAAS_GUEST_FOLDER=str(guest.parent), PAAS_GUEST_MARKER=marker)
        run(sys.executable, "-I", "-S", PROGRAM_OF_GUESTS, "destroy", cwd=CHECKOUT, env=env)


def change_sample(mirror: Path, text: str) -> None:
    """Commit a change of the code that leaves the dependencies as they are."""
    repository = mirror / "samples" / "flask"
    with (repository / "app.py").open("a") as file:
        file.write(f"\n# {text}\n")
    who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
    plain = environment(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1")
    run("git", *who, "commit", "--quiet", "--all", "--message", text, cwd=repository, env=plain)
