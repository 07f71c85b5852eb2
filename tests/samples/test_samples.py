"""Each sample runs on this machine by its plan's own commands, as far as the runtime is here."""

import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from paas.frameworks.catalogue import Catalogue
from paas.frameworks.detect import Overrides, guess, make_plan
from tests.samples.running import FRAMEWORKS, FolderTree, program, running

CATALOGUE = Catalogue.load(FRAMEWORKS)
SAMPLES = FRAMEWORKS / "samples"


def get(url: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own address.
            return answer.status, answer.headers["Content-Type"] or "", answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"] or "", error.read().decode()


def test_every_framework_has_a_sample_and_every_sample_a_framework() -> None:
    assert sorted(path.name for path in SAMPLES.iterdir()) == list(CATALOGUE)


@pytest.mark.parametrize("key", CATALOGUE)
def test_a_sample_looks_like_its_framework(key: str) -> None:
    assert key in guess(CATALOGUE, FolderTree(SAMPLES / key))


@pytest.mark.parametrize("key", CATALOGUE)
def test_a_samples_lock_names_no_registry(key: str) -> None:
    for path in SAMPLES.joinpath(key).rglob("*"):
        if path.is_file() and (path.name.endswith(("lock", "lock.json", "requirements.txt"))):
            assert "://" not in re.sub(r'"(?:url|funding)": "[^"]*"', "", path.read_text()), path


@pytest.mark.parametrize("key", CATALOGUE)
def test_a_sample_runs(key: str, tmp_path: Path) -> None:
    framework = CATALOGUE[key]
    source = SAMPLES / key
    plan = make_plan(framework, FolderTree(source), Overrides(health_path="/health"))
    if program(plan.runtime) is None:
        pytest.skip(f"{plan.runtime} is not installed, so the {key} sample was not run")
    with running(source, framework, plan, tmp_path) as url:
        status, kind, page = get(url + "/")
        assert (status, kind.split(";")[0]) == (200, "text/html")
        assert re.search(rf"<h1[^>]*>{re.escape(framework.name)}</h1>", page), page
        assert key == "static" or re.search(r">7<", page), "the page must name its release"
        status, _, body = get(url + "/health")
        assert status == 200
        assert "healthy" in body
        sheets = re.findall(r'href="([^"]+\.css[^"]*)"', page)
        for sheet in sheets:
            status, kind, _ = get(f"{url}/{sheet.lstrip('/')}")
            assert (status, kind.split(";")[0]) == (200, "text/css"), sheet
        assert get(url + "/no-such-page")[0] == 404
