"""Fetch a pinned OpenTofu release: ``python -m paas.tools.tofu [FOLDER]``.

The archive is checked against the SHA256SUMS of the very release before it is opened.
"""

import hashlib
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from paas.domain.errors import StepFailed

VERSION = "1.10.6"
RELEASES = "https://github.com/opentofu/opentofu/releases/download"
LARGEST = 256 * 2**20
CHUNK = 2**20
SECONDS = 60
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
SUM_LINE = re.compile(r"([0-9a-f]{64})[ ]+\*?(\S+)")

Say = Callable[[str], None]


def fetch(mirror: str, folder: Path, *, version: str = VERSION, say: Say = print) -> Path:
    """Fetch the release into the folder and return the program; one that is there is kept.

    ``mirror`` (a URL or a folder) takes the place of the project's releases; the files are
    ``<mirror>/v<version>/tofu_<version>_<os>_<arch>.zip`` and ``tofu_<version>_SHA256SUMS``.
    Raises ``StepFailed`` when it cannot be reached, lacks the file, or the checksum differs.
    """
    program, note = folder / "tofu", folder / "tofu.version"
    if program.is_file() and note.is_file() and note.read_text() == version:
        return program
    place = f"{_url(mirror or RELEASES)}/v{version}"
    archive_name = f"tofu_{version}_{_system()}.zip"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        archive = Path(temporary) / archive_name
        expected = _expected(place, f"tofu_{version}_SHA256SUMS", archive_name)
        digest = _download(f"{place}/{archive_name}", archive, say)
        if digest != expected:
            raise StepFailed(
                f"{place}/{archive_name} is not the file that the release's SHA256SUMS names "
                f"(expected {expected}, got {digest}); nothing was installed"
            )
        _unpack(archive, Path(temporary) / "tofu")
        note.unlink(missing_ok=True)
        (Path(temporary) / "tofu").replace(program)
    note.write_text(version)
    say(f"OpenTofu {version} is in {program}")
    return program


def _url(mirror: str) -> str:
    if re.match(r"(https?|file)://", mirror):
        return mirror.rstrip("/")
    return Path(mirror).absolute().as_uri()


def _system() -> str:
    machine = platform.machine().lower()
    if machine not in MACHINES:
        raise StepFailed(
            f"OpenTofu is not fetched for {machine}; install Terraform or OpenTofu yourself"
        )
    return f"{platform.system().lower()}_{MACHINES[machine]}"


def _expected(place: str, sums: str, name: str) -> str:
    with _open(f"{place}/{sums}") as answer:
        text = answer.read(CHUNK).decode("utf-8", "replace")
    for line in text.splitlines():
        match = SUM_LINE.fullmatch(line.strip())
        if match and match[2] == name:
            return match[1]
    raise StepFailed(f"{place}/{sums} does not name {name}; nothing was installed")


def _open(url: str) -> IO[bytes]:
    try:
        answer: IO[bytes] = urllib.request.urlopen(url, timeout=SECONDS)  # noqa: S310
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise StepFailed(
            f"{url} cannot be fetched: {reason}. Install Terraform or OpenTofu 1.8 or newer, or "
            "set TOFU_MIRROR to a URL or folder that has the release"
        ) from error
    return answer


def _download(url: str, target: Path, say: Say) -> str:
    """Write the file and return its SHA256; progress is said at each tenth."""
    digest, done, tenths = hashlib.sha256(), 0, 0
    with _open(url) as answer, target.open("wb") as file:
        total = int(getattr(answer, "headers", {}).get("Content-Length") or 0)
        say(f"fetching {url}" + (f" ({total / 2**20:.0f} MB)" if total else ""))
        while chunk := answer.read(CHUNK):
            done += len(chunk)
            if done > LARGEST:
                raise StepFailed(f"{url} is larger than {LARGEST // 2**20} MB")
            digest.update(chunk)
            file.write(chunk)
            if total and done * 10 // total > tenths:
                tenths = done * 10 // total
                say(f"  {tenths * 10} %")
    return digest.hexdigest()


def _unpack(archive: Path, target: Path) -> None:
    """Take the one program out of the archive; nothing else of it is written."""
    try:
        with (
            zipfile.ZipFile(archive) as packed,
            packed.open("tofu") as source,
            target.open("wb") as file,
        ):
            shutil.copyfileobj(source, file)
    except (zipfile.BadZipFile, KeyError) as error:
        raise StepFailed(f"{archive.name} does not hold the program tofu") from error
    target.chmod(target.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def main(arguments: list[str], mirror: str) -> int:
    """Fetch into the folder given, or ``.tools`` of the checkout."""
    default = Path(__file__).resolve().parents[2] / ".tools"
    folder = Path(arguments[0]) if arguments else default
    try:
        fetch(mirror, folder, say=_say)
    except StepFailed as error:
        _say(error.message)
        return 1
    return 0


if __name__ == "__main__":
    # The one setting that is read here: this program runs before the platform can.
    sys.exit(main(sys.argv[1:], os.environ.get("TOFU_MIRROR", "")))
