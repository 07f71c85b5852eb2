"""The catalogue's files: what document 001 shows, and what the loader refuses."""

import base64
import shutil
from pathlib import Path

import pytest
import yaml

from paas.domain.errors import CatalogueError
from paas.domain.specs import Resources
from paas.frameworks.catalogue import Catalogue
from tests.unit.frameworks.trees import CATALOGUE, FRAMEWORKS

SHOWN = ("name", "language", "version", "port", "install_cmd")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A catalogue with the schema and one framework, to be broken by a test."""
    shutil.copy(FRAMEWORKS / "_example.yml", tmp_path)
    shutil.copy(FRAMEWORKS / "_python.yml", tmp_path)
    shutil.copy(FRAMEWORKS / "flask.yml", tmp_path)
    return tmp_path


def refusal(folder: Path) -> str:
    with pytest.raises(CatalogueError) as caught:
        Catalogue.load(folder)
    return str(caught.value)


def changed(folder: Path, **keys: object) -> str:
    """What the loader says when keys of the framework are replaced; None removes one."""
    path = folder / "flask.yml"
    data = {**yaml.safe_load(path.read_text()), **keys}
    path.write_text(
        yaml.safe_dump({key: value for key, value in data.items() if value is not None})
    )
    return refusal(folder)


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("django", ("Django", "python", "4.2", 8000, "pip install django gunicorn")),
        ("laravel", ("Laravel", "php", "10.x", 8000, "composer global require laravel/installer")),
    ],
)
def test_the_documents_examples_hold(key: str, shown: tuple[object, ...]) -> None:
    assert tuple(getattr(CATALOGUE[key], name) for name in SHOWN) == shown


def test_the_catalogue_is_a_mapping_in_the_order_of_its_keys() -> None:
    assert list(CATALOGUE) == sorted(CATALOGUE)
    assert len(CATALOGUE) == len(list(CATALOGUE))
    assert {
        "django",
        "flask",
        "fastapi",
        "express",
        "nextjs",
        "laravel",
        "php",
        "static",
        "go",
    } <= set(CATALOGUE)
    assert "_example" not in CATALOGUE
    with pytest.raises(KeyError):
        CATALOGUE["cobol"]


def test_resources_have_defaults_that_suit_both_kinds_of_guest() -> None:
    assert CATALOGUE["flask"].resources == Resources(cores=1, memory=512, disk=10)
    assert CATALOGUE["nextjs"].resources.memory == 2048


def test_secrets_are_new_each_time_and_in_the_form_that_is_asked_for() -> None:
    one, other = CATALOGUE["laravel"].new_secrets(), CATALOGUE["laravel"].new_secrets()
    assert one != other
    assert len(base64.b64decode(one["APP_KEY"].removeprefix("base64:"))) == 32
    django = CATALOGUE["django"].new_secrets()
    assert set(django) == {"SECRET_KEY", "DJANGO_SECRET_KEY"}
    assert all(len(value) == 64 for value in django.values())


def test_the_example_holds_every_key_and_breaks_no_rule(tmp_path: Path) -> None:
    shutil.copy(FRAMEWORKS / "_example.yml", tmp_path)
    shutil.copy(FRAMEWORKS / "_python.yml", tmp_path)
    shutil.copy(FRAMEWORKS / "_example.yml", tmp_path / "whole.yml")
    framework = Catalogue.load(tmp_path)["whole"]
    assert framework.start[0].run == ('exec example {module}:{object} --listen "$HOST:$PORT"',)
    assert framework.secrets == {"SECRET_KEY": "{text}"}


def test_the_example_says_of_each_key_whether_it_is_required() -> None:
    """Documentation and code: the comment above a key ends as the loader behaves."""
    comment, told = "", {}
    for line in (FRAMEWORKS / "_example.yml").read_text().splitlines():
        if line.startswith("#"):
            comment += line
        elif line and not line.startswith((" ", "-")):
            told[line.split(":")[0]] = comment
            comment = ""
        elif not line:
            comment = ""
    required = {key for key, text in told.items() if "Required" in text}
    assert required == {
        "name",
        "language",
        "version",
        "port",
        "install_cmd",
        "runtime",
        "start",
        "hint",
    }
    assert {key for key, text in told.items() if "Default:" in text} == set(told) - required


def test_a_missing_example_is_said(tmp_path: Path) -> None:
    assert "_example.yml: missing" in refusal(tmp_path)


def test_every_broken_rule_is_told_at_once(folder: Path) -> None:
    said = changed(folder, port=80, version=3.1, colour="red", runtime=None)
    assert (
        "flask.yml: version: must be a text, not a number with a point (put it in quotes)" in said
    )
    assert "flask.yml: colour: unknown key" in said
    said = changed(folder, port=80, version="3.1", colour=None, runtime=None)
    assert "flask.yml: port: must be between 1024 and 65535" in said
    assert "flask.yml: runtime: missing" in said


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"build": {"cmds": ["make"]}}, "flask.yml: build.cmds: unknown key"),
        ({"build": [{"cmds": ["make"]}]}, "flask.yml: build[0].cmds: unknown key"),
        ({"start": "run"}, "flask.yml: start: must be a mapping, not a text"),
        ({"start": None}, "flask.yml: start: missing"),
        ({"hint": None}, "flask.yml: hint: missing"),
        ({"name": ""}, "flask.yml: name: must be one line of text, not empty"),
        ({"name": "a\nb"}, "flask.yml: name: must be one line of text, not empty"),
        ({"port": "8000"}, "flask.yml: port: must be a number, not a text"),
        ({"port": True}, "flask.yml: port: must be a number, not true or false"),
        ({"health_path": "health"}, "flask.yml: health_path: must begin with /"),
        ({"resources": {"cores": 99}}, "flask.yml: resources.cores: must be between 1 and 8"),
        ({"resources": {"ram": 1}}, "flask.yml: resources.ram: unknown key"),
        ({"environment": {"lower": "x"}}, "flask.yml: environment.lower: must be the name of a"),
        ({"environment": {"A": 1}}, "flask.yml: environment.A: must be a text, not a number"),
        ({"secrets": {"KEY": "fixed"}}, "flask.yml: secrets.KEY: must hold one of {text}"),
        ({"runtime": "../x"}, "flask.yml: runtime: must be lower case letters"),
        ({"like": "_none"}, "flask.yml: like: there is no file _none.yml"),
        ({"like": "../_python"}, "flask.yml: like: there is no file ../_python.yml"),
        (
            {"build": {"run": "make", "because": "x", "find": "a", "matching": "("}},
            "flask.yml: build.matching: not a regular expression",
        ),
        (
            {"build": {"run": "make", "because": "x", "matching": "a"}},
            "flask.yml: build.find: missing",
        ),
        ({"build": {"run": "make"}}, "flask.yml: build.because: missing"),
        ({"build": {"because": "x"}}, "flask.yml: build.run: missing"),
        (
            {"build": {"run": "make {colour}", "because": "x"}},
            "flask.yml: build: {colour} is no placeholder",
        ),
        (
            {"install": {"steps": [["x"]], "because": "x", "packages": "cargo"}},
            "flask.yml: install.packages: must be one of",
        ),
        ({"notes": [["x"]]}, "flask.yml: notes[0]: must be a mapping, not a list"),
    ],
)
def test_a_broken_file_is_refused_with_its_place(
    folder: Path, keys: dict[str, object], sentence: str
) -> None:
    assert sentence in changed(folder, **keys)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must be a mapping of keys"),
        ("- a\n", "must be a mapping of keys"),
        ("name: [", "not readable as YAML in line"),
        ("name: a\nname: b\n", "a key stands twice: name"),
        ("name: !!python/object/apply:os.system [id]\n", "not readable as YAML"),
        ("name: !!python/name:os.system ''\n", "not readable as YAML"),
        ("? [a, b]\n: c\n", "not readable as YAML"),
        ("name: \x00\n", "not readable as YAML"),
        ("a: " + "[" * 5000 + "]" * 5000, "flask.yml: "),
        ("name: " + "x" * 70_000, "larger than 64 KB"),
    ],
)
def test_hostile_yaml_is_refused_in_words(folder: Path, text: str, sentence: str) -> None:
    (folder / "flask.yml").write_text(text)
    assert sentence in refusal(folder)


def test_a_file_that_is_no_text_is_refused_in_words(folder: Path) -> None:
    (folder / "flask.yml").write_bytes(b"name: \xff\xfe\n")
    assert "flask.yml: not readable as YAML" in refusal(folder)


def test_a_billion_laughs_stay_small(folder: Path) -> None:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    for level in range(1, 12):
        inner = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} [{inner}]")
    (folder / "flask.yml").write_text("\n".join([*lines, "environment: {BIG: *a11}", "name: *a11"]))
    said = refusal(folder)
    assert "flask.yml: a11: unknown key" in said
    assert len(said) < 10_000


def test_a_file_name_must_be_a_key(folder: Path) -> None:
    shutil.copy(folder / "flask.yml", folder / "Flask App.yml")
    assert "Flask App.yml: the file's name: must be lower case" in refusal(folder)
