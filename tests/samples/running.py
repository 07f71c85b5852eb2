"""Runs a plan by hand, as a guest does it, for the tests of the samples."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from paas.domain.specs import BuildPlan
from paas.frameworks.catalogue import Framework

CHECKOUT = Path(__file__).resolve().parents[2]
FRAMEWORKS = CHECKOUT / "frameworks"
PROGRAMS = {"python": "python3", "node": "node", "php": "php", "go": "go", "static": "python3"}
# What a site may need so that package managers reach their registries, and share their caches.
HANDED_ON = {"HOME", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "GOPROXY"}
STEP_SECONDS = 600
START_SECONDS = 60


@dataclass(frozen=True)
class FolderTree:
    """A folder on this machine as the source of a plan."""

    folder: Path

    def files(self) -> Sequence[str]:
        found = []
        for place, folders, files in os.walk(self.folder):
            folders[:] = [name for name in folders if name != ".git"]
            found += [str((Path(place) / name).relative_to(self.folder)) for name in files]
        return found

    def read(self, path: str, limit: int) -> str | None:
        file = self.folder / path
        if not file.is_file():
            return None
        with file.open("rb") as content:
            return content.read(limit).decode(errors="replace")


def program(runtime: str) -> str | None:
    """The runtime's program on this machine, or None."""
    return shutil.which(PROGRAMS[runtime])


@contextmanager
def running(source: Path, framework: Framework, plan: BuildPlan, place: Path) -> Iterator[str]:
    """Install, build and start a copy of the source in ``place``; yields its URL."""
    release = place / "release"
    shutil.copytree(source, release, ignore=shutil.ignore_patterns(".git"), symlinks=True)
    app = release / plan.root
    environment = _environment(framework, plan, place)
    names = {
        "{dependencies}": str(place / "dependencies"),
        "{runtime}": program(plan.runtime) or "",
    }
    for step in plan.install:
        argv = list(step)
        for name, value in names.items():
            argv = [argument.replace(name, value) for argument in argv]
        _run(argv, app, environment)
    for text in (*plan.build, *plan.release):
        _run(["/bin/sh", "-c", text], app, environment)
    with (place / "log").open("w+") as log:
        process = subprocess.Popen(
            ["/bin/sh", "-c", plan.start],
            cwd=app,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        url = f"http://127.0.0.1:{environment['PORT']}"
        try:
            _wait(url + plan.health_path, process, Path(log.name))
            yield url
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _environment(framework: Framework, plan: BuildPlan, place: Path) -> dict[str, str]:
    data = place / "data"
    data.mkdir()
    (place / "dependencies").mkdir()
    own = [place / "dependencies/bin", place / "release" / plan.root / "node_modules/.bin"]
    return {
        **plan.environment,
        **framework.new_secrets(),
        "PATH": os.pathsep.join([*map(str, own), *tools(), os.environ["PATH"]]),
        **{name: value for name, value in os.environ.items() if name in HANDED_ON},
        "HOST": "127.0.0.1",
        "PORT": str(_free_port()),
        "PAAS_DATA_DIR": str(data),
        "PAAS_RELEASE": "7",
        "PAAS_STATIC_SERVER": str(FRAMEWORKS / "static_server.py"),
        "PAAS_PHP_ROUTER": str(FRAMEWORKS / "php_router.php"),
    }


def tools() -> list[str]:
    """Where uv lies when it came with the platform."""
    uv = shutil.which("uv") or str(CHECKOUT / ".venv/bin/uv")
    return [str(Path(uv).parent)]


def _run(argv: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        argv,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=STEP_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"{argv} ended with {done.returncode}:\n{done.stdout[-4000:]}")


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the app ended with {process.returncode}:\n{log.read_text()}")
        try:
            with urllib.request.urlopen(url, timeout=10):  # noqa: S310 - our own http address.
                return
        except urllib.error.HTTPError as answer:
            if answer.code < 500:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} did not answer within {START_SECONDS} s:\n{log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
