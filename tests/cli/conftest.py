"""A fake platform, and the command run in this process against it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from paas.cli import main

from .fake import FakePlatform, serve


@dataclass
class Result:
    """What a run of the command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


class Paas:
    """Calls the command as a shell would."""

    def __init__(self, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.url = url
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Result:
        code = main(["--url", self.url, *arguments])
        out, err = self._capsys.readouterr()
        return Result(code, out, err)


@pytest.fixture
def fake() -> Iterator[FakePlatform]:
    with serve(FakePlatform()) as platform:
        yield platform


@pytest.fixture
def paas(
    fake: FakePlatform,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Paas:
    monkeypatch.setenv("PAAS_INSTANCE", str(tmp_path / "instance"))
    monkeypatch.delenv("PAAS_API_TOKEN", raising=False)
    return Paas(fake.url, capsys)
