"""Repositories that mean harm, or are merely odd: a sentence or literal text, nothing else."""

import re
import shlex
from contextlib import suppress

import pytest

from paas.domain.errors import StepFailed
from paas.frameworks.catalogue import SECTIONS
from paas.frameworks.procfile import read_procfile
from paas.frameworks.source import DATA_LIMIT, Source
from tests.unit.frameworks.trees import CATALOGUE, MemoryTree, plan_of

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
ENDLESS = [
    *("def create_app(" + piece * 12_000 for piece in ("a=b,", "a=b", "a, ", " ")),
    *(start + "a, " * 15_000 for start in ("from x import ", "import ", "from ")),
    *(piece * 25_000 for piece in (" ", "\t", "\n", "a", "a.", "x: ", '"')),
    *(piece + " " * 50_000 for piece in ("STATIC_ROOT", '"dependencies":', "web:", "app")),
    *(piece * 4_000 for piece in ("package main\n", "func main(\n", "ProtocolTypeRouter\n")),
    *(piece * 4_000 for piece in ("app = \n", "app\n", "from a import b\n", "environ.get(")),
    *(piece * 4_000 for piece in ("ListenAndServe(", ".listen(", "'NAME': ", "output: 'x' ")),
    *("web: heroku-php-apache2" + piece * 10_000 for piece in (" -a b", " a", "/")),
    *("web:" + piece * 4_000 for piece in ("heroku-php-apache2", "/heroku-php-apache2")),
    *("FLASK_APP=" + piece * 15_000 for piece in ("a.", "a:", "FLASK_APP=")),
    "application = " + "x(" * 20_000,
]
PAYLOADS = [
    "$(touch /tmp/owned)",
    "`touch /tmp/owned`",
    "; touch /tmp/owned #",
    "&& touch /tmp/owned",
    "| touch /tmp/owned",
    "a'b",
    'a"b',
    "{{ 7 * 7 }}",
    "${aws_instance.x}",
    "%{ for x in y }",
    "{dependencies}",
    "{runtime}",
    "--upload-pack=touch",
    "-rf",
    "*",
    "~root",
    "a b",
    "ü",
]


@pytest.mark.parametrize("framework", ["express", "nextjs", "static", "laravel"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"scripts": ',
        "\x00\x00",
        "NaN",
        "[]",
        "1" * 10_000,
        '"text"',
        '{"scripts": ["start"], "engines": "x", "dependencies": 7, "main": {}}',
        '{"scripts": {"start": {"a": 1}, "build": null}, "engines": {"node": []}}',
    ],
)
def test_a_strange_package_json_is_refused_or_read(framework: str, text: str) -> None:
    with suppress(StepFailed):
        plan = plan_of(framework, {"package.json": text, "artisan": "", "public/index.php": ""})
        assert plan.start


def test_a_json_file_over_the_limit_is_refused_with_its_name() -> None:
    big = '{"scripts": {"start": "x"}, "pad": "' + "x" * DATA_LIMIT + '"}'
    with pytest.raises(StepFailed, match=r"package\.json cannot be read as JSON.*first 4 MB"):
        plan_of("express", {"package.json": big})


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 100_000,
        "[a]\n[a]\n",
        "\x00",
        "x = 2024-99-99",
        "[project]\ndependencies = 7\n",
        "[tool.poetry]\ndependencies = []\n",
    ],
)
def test_a_strange_pyproject_is_refused_or_read(text: str) -> None:
    with suppress(StepFailed):
        assert plan_of("flask", {"app.py": FLASK, "pyproject.toml": text}).start


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("poetry.lock", "package = 3\n"),
        ("poetry.lock", '[[package]]\nname = "-r"\nversion = "/etc/passwd"\n'),
        ("poetry.lock", '[[package]]\nname = "a b"\nversion = "1"\n'),
        ("Pipfile.lock", "[]"),
        ("Pipfile.lock", '{"default": {"--index-url=x": {"version": "==1"}}}'),
        ("Pipfile.lock", '{"default": {"mine": {"path": "."}}}'),
        ("Pipfile", '[packages]\n"-e ." = "*"\n'),
        ("pyproject.toml", '[tool.poetry.dependencies]\nmine = {path = "../x"}\n'),
    ],
)
def test_a_package_list_with_foreign_things_is_refused(path: str, text: str) -> None:
    with pytest.raises(StepFailed, match=path.replace(".", r"\.")):
        plan_of("flask", {"app.py": FLASK, path: text})


def test_requirements_in_utf_16_are_refused_with_advice() -> None:
    files = {"app.py": FLASK, "requirements.txt": "flask\n".encode("utf-16")}
    with pytest.raises(StepFailed, match="save it as UTF-8"):
        plan_of("flask", files)


def test_bytes_that_are_no_text_are_read_as_far_as_they_go() -> None:
    plan = plan_of("flask", {"app.py": b"# caf\xe9\n" + FLASK.encode(), "b.py": b"\xff" * 1000})
    assert "app:app" in plan.start


def test_includes_that_go_round_or_out_end() -> None:
    files = {
        "app.py": FLASK,
        "requirements.txt": "-r a.txt\n-r ../../etc/passwd\n-r /etc/passwd\n-r none.txt\n",
        "a.txt": "-r requirements.txt\ngunicorn\n",
    }
    tree = MemoryTree(files)
    assert Source(tree).has("a.txt")
    assert plan_of("flask", files).install[-1][-1] == "flask"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_name_in_a_repository_is_one_word_of_the_shell(payload: str) -> None:
    plan = plan_of("static", {"package.json": "{}", f"{payload}/index.html": ""})
    word = shlex.split(plan.start)[-1]
    assert word in (payload, f"./{payload}")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_folder_of_any_name_stays_one_argument(payload: str) -> None:
    files = {
        f"{payload}/manage.py": "DJANGO_SETTINGS_MODULE",
        f"{payload}/shop/wsgi.py": "application = get_wsgi_application()",
        f"{payload}/shop/__init__.py": "",
        f"{payload}/requirements/base.txt": "django",
    }
    plan = plan_of("django", files)
    assert plan.root == payload
    assert plan.install[-1][7] == "requirements/base.txt"


@pytest.mark.parametrize(
    "path",
    ["../app.py", "/app.py", "a/../app.py", "a//app.py", "a\nb/app.py", "a\x1b[2J/app.py", ""],
)
def test_paths_that_no_repository_should_have_are_passed_over(path: str) -> None:
    with pytest.raises(StepFailed):
        plan_of("flask", {path: FLASK, "README.md": ""})


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("", {}),
        ("web: a\n", {"web": "a"}),
        ("web:a b  \r\nrelease:\tc\r\n", {"web": "a b", "release": "c"}),
        ("# web: a\n  web : b # c\n", {"web": "b # c"}),
        ("web: a\nweb: b\n", {"web": "b"}),
        ("web:\nweb: \n", {}),
        ("web a\n: b\nw b: c\n-x\n", {}),
        ("web: a: b=c\n", {"web": "a: b=c"}),
        ("web: a\x00b\n", {}),
        ("WEB: a\n", {"WEB": "a"}),
        ("w" * 61 + ": a\n", {}),
        ("\ufeff", {}),
    ],
)
def test_a_procfile_with_odd_lines(text: str, commands: dict[str, str]) -> None:
    assert read_procfile(text) == commands


def test_a_procfile_with_a_mark_and_foreign_line_ends_is_read() -> None:
    plan = plan_of("flask", {"Procfile": b"\xef\xbb\xbfweb: gunicorn a:b\r\nrelease: c\r\n"})
    assert (plan.start, plan.release) == ("gunicorn a:b", ("c",))


def test_a_command_of_endless_length_is_refused() -> None:
    with pytest.raises(StepFailed, match="up to 4096 characters"):
        plan_of("flask", {"Procfile": "web: " + "x" * 5000})


def patterns() -> list[re.Pattern[str]]:
    """Every regular expression of the catalogue, once."""
    found = {}
    for framework in CATALOGUE.values():
        for section in SECTIONS:
            for rule in getattr(framework, section):
                for condition in rule.conditions:
                    for pattern in (condition.matching, condition.unlike):
                        if pattern is not None:
                            found[pattern.pattern] = pattern
    return list(found.values())


@pytest.mark.parametrize("pattern", patterns(), ids=lambda pattern: pattern.pattern[:60])
def test_patterns_come_to_an_end_on_text_made_against_them(pattern: re.Pattern[str]) -> None:
    """An expression that tries every division of such a text would run for hours."""
    for text in ENDLESS:
        pattern.search(text)
