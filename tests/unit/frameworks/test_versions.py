"""Which version a repository asks for, and what satisfies it."""

import pytest

from paas.frameworks.source import Source
from paas.frameworks.versions import newest, satisfies, wanted_version
from tests.unit.frameworks.trees import MemoryTree


@pytest.mark.parametrize(
    ("runtime", "path", "text", "version"),
    [
        ("python", ".python-version", "3.12\n", "3.12"),
        ("python", ".python-version", "# ours\n\n3.12.1\n3.11\n", "3.12.1"),
        ("python", ".python-version", "cpython@3.12", "3.12"),
        ("python", "runtime.txt", "python-3.12.1\n", "3.12.1"),
        ("python", "runtime.txt", "python-3.12.x\r\n", "3.12"),
        ("python", "runtime.txt", "\ufeffpython-3.12\n", "3.12"),
        ("python", ".tool-versions", "nodejs 20\npython 3.11.4\n", "3.11.4"),
        ("python", "Pipfile", '[requires]\npython_version = "3.11"\n', "3.11"),
        ("python", "pyproject.toml", '[project]\nrequires-python = ">=3.10,<3.13"', ">=3.10,<3.13"),
        (
            "python",
            "pyproject.toml",
            '[tool.poetry.dependencies]\npython = "^3.10"\n',
            "^3.10",
        ),
        ("node", "package.json", '{"engines": {"node": "20.x"}}', "20.x"),
        ("node", "package.json", '{"engines": {"node": ">= 18 < 23"}}', ">= 18 < 23"),
        ("node", ".nvmrc", "v20.11.0\n", "^20.11.0"),
        ("node", ".nvmrc", "20\n", "20"),
        ("node", ".nvmrc", "lts/iron\n", "20"),
        ("node", ".node-version", "20.11\n", "20.11"),
        ("node", ".tool-versions", "nodejs 20.11.0\n", "^20.11.0"),
        ("go", "go.mod", "module x\n\ngo 1.22\n", "1.22"),
        ("go", "go.mod", "module x\n\ngo 1.22.3\n\ntoolchain go1.23.0\n", "1.22.3"),
        ("go", ".tool-versions", "golang 1.21.0\n", "1.21.0"),
        ("php", "composer.json", '{"require": {"php": "^8.1"}}', "^8.1"),
        ("php", ".php-version", "8.2\n", "8.2.*"),
    ],
)
def test_the_file_that_names_a_version(runtime: str, path: str, text: str, version: str) -> None:
    wanted = wanted_version(runtime, Source(MemoryTree({path: text})), [""])
    assert wanted is not None
    assert wanted.version == version
    assert wanted.reason == f"{path} asks for {runtime} {version}."


@pytest.mark.parametrize(
    ("runtime", "path", "text"),
    [
        ("python", ".python-version", "latest\n"),
        ("python", ".python-version", "3.12; rm -rf /\n"),
        ("python", "runtime.txt", "x" * 5000),
        ("python", "pyproject.toml", '[project]\nrequires-python = ">=3.10 or so"'),
        ("node", "package.json", '{"engines": {"node": "newest"}}'),
        ("node", ".nvmrc", "node\n"),
        ("node", ".nvmrc", "lts/unknown\n"),
        ("go", "go.mod", "module x\n\ngo ../../1\n"),
        ("php", "composer.json", '{"require": {"php": "\\u001b[31m8"}}'),
    ],
)
def test_a_version_that_cannot_be_understood_is_passed_over_and_said(
    runtime: str, path: str, text: str
) -> None:
    wanted = wanted_version(runtime, Source(MemoryTree({path: text})), [""])
    assert wanted is not None
    assert wanted.version is None
    assert wanted.reason.startswith(f"{path} asks for ")
    assert len(wanted.reason) < 200
    assert wanted.reason.isprintable()


def test_the_apps_folder_comes_before_the_top_and_other_runtimes_files_do_not_count() -> None:
    source = Source(MemoryTree({"runtime.txt": "python-3.10", "app/.python-version": "3.12"}))
    wanted = wanted_version("python", source, ["app", ""])
    assert wanted is not None
    assert wanted.version == "3.12"
    assert wanted_version("node", source, ["app", ""]) is None
    assert wanted_version("static", source, [""]) is None


@pytest.mark.parametrize("path", ["engines", "package.json"])
def test_a_value_of_another_type_is_no_version(path: str) -> None:
    source = Source(MemoryTree({path: '{"engines": {"node": 20}}'}))
    assert wanted_version("node", source, [""]) is None


YES = [
    ("python", "3.12", "3.12.1"),
    ("python", "3.12", "3.12"),
    ("python", "3", "3.11.2"),
    ("python", "3.12.1", "3.12.1"),
    ("python", "3.12.x", "3.12.9"),
    ("python", ">=3.10", "3.10.0"),
    ("python", ">=3.10", "3.10"),
    ("python", ">=3.10,<3.13", "3.12.7"),
    ("python", ">=3.9, !=3.11.*, <4", "3.12.0"),
    ("python", "~=3.10", "3.12.1"),
    ("python", "~=3.10.2", "3.10.9"),
    ("python", "^3.10", "3.13.0"),
    ("python", "~3.10", "3.10.4"),
    ("python", "==3.11.*", "3.11.9"),
    ("node", "20", "20.20.2"),
    ("node", "20.x", "20.20.2"),
    ("node", ">=18", "20.20.2"),
    ("node", ">= 18 < 23", "20.20.2"),
    ("node", "^18 || ^20", "20.20.2"),
    ("node", "^18||^20", "20.20.2"),
    ("node", "18 - 22", "20.20.2"),
    ("node", "*", "20.20.2"),
    ("node", "^20.11.0", "20.20.2"),
    ("go", "1.22", "1.26.8"),
    ("go", "1.22.3", "1.22.3"),
    ("go", "1.22", "1.22"),
    ("php", "^8.1", "8.2.36"),
    ("php", ">=7.4", "8.2.36"),
    ("php", "^7.3|^8.0", "8.2.36"),
    ("php", "^7.3 || ^8.0", "8.2.36"),
    ("php", "~8.1", "8.2.36"),
    ("php", ">=8.0,<8.3", "8.2.36"),
    ("php", "8.2.*", "8.2.36"),
    ("php", "8.*", "8.2.36"),
]
NO = [
    ("python", "3.12", "3.11.2"),
    ("python", "3.1", "3.11.2"),
    ("python", "3.12.1", "3.12.16"),
    ("python", ">=3.10,<3.13", "3.13.0"),
    ("python", ">=3.9,!=3.11.*", "3.11.2"),
    ("python", "~=3.10.2", "3.11.0"),
    ("python", "~=3.10.2", "3.10.1"),
    ("python", "^3.12", "3.11.9"),
    ("python", "<3.11", "3.11.2"),
    ("python", "nonsense", "3.11.2"),
    ("python", "3.11", "3.11.2; id"),
    ("node", "18", "20.20.2"),
    ("node", ">=22", "20.20.2"),
    ("node", "^18 || ^22", "20.20.2"),
    ("node", "nonsense", "20.20.2"),
    ("go", "1.27", "1.26.8"),
    ("go", "1.26.9", "1.26.8"),
    ("go", "2.0", "1.26.8"),
    ("go", "", "1.26.8"),
    ("php", "^8.3", "8.2.36"),
    ("php", "~8.1.0", "8.2.36"),
    ("php", "~7.4", "8.2.36"),
    ("php", "^7.2.5", "8.2.36"),
    ("php", ">=8.0,<8.2", "8.2.36"),
    ("cobol", "1", "1"),
]


@pytest.mark.parametrize(("runtime", "wanted", "have"), YES)
def test_versions_that_satisfy(runtime: str, wanted: str, have: str) -> None:
    assert satisfies(runtime, wanted, have)


@pytest.mark.parametrize(("runtime", "wanted", "have"), NO)
def test_versions_that_do_not(runtime: str, wanted: str, have: str) -> None:
    assert not satisfies(runtime, wanted, have)


def test_the_newest_version_at_hand_is_taken() -> None:
    have = ["3.9.18", "3.12.1", "3.11.10", "3.11.9"]
    assert newest("python", "3.11", have) == "3.11.10"
    assert newest("python", None, have) == "3.12.1"
    assert newest("python", "3.14", have) is None
    assert newest("python", None, []) is None
