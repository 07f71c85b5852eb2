"""What a plan says for repositories of many shapes; each row is one repository in memory."""

import hashlib
import json

import pytest

from paas.domain.errors import StepFailed
from paas.frameworks.detect import Overrides, guess, make_plan
from tests.unit.frameworks.trees import CATALOGUE, MemoryTree, plan_of

GUNICORN = '--bind "$HOST:$PORT" --workers "${WEB_CONCURRENCY:-1}" --threads 8 --access-logfile -'
UVICORN = '--host "$HOST" --port "$PORT"'
FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
MANAGE = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'
WSGI = "application = get_wsgi_application()\n"
MAIN = "package main\n\nfunc main() {\n}\n"

Files = dict[str, str | bytes]


def package(**data: object) -> str:
    return json.dumps(data)


STARTS: list[tuple[str, str, Files, str]] = [
    ("app.py", "flask", {"app.py": FLASK}, f"exec gunicorn app:app {GUNICORN}"),
    ("main.py", "flask", {"main.py": FLASK}, f"exec gunicorn main:app {GUNICORN}"),
    (
        "wsgi.py before app.py",
        "flask",
        {"app.py": FLASK, "wsgi.py": "from app import app\n"},
        f"exec gunicorn wsgi:app {GUNICORN}",
    ),
    (
        "wsgi.py with the name application",
        "flask",
        {"wsgi.py": "from shop import create_app\napplication = create_app()\n", "shop.py": FLASK},
        f"exec gunicorn wsgi:application {GUNICORN}",
    ),
    (
        "an application of another name",
        "flask",
        {"web.py": "import flask\nsite = flask.Flask(__name__)\n"},
        f"exec gunicorn web:site {GUNICORN}",
    ),
    (
        "a package",
        "flask",
        {"shop/__init__.py": FLASK, "requirements.txt": "flask"},
        f"exec gunicorn shop:app {GUNICORN}",
    ),
    (
        "a factory in a package",
        "flask",
        {"shop/__init__.py": "from flask import Flask\ndef create_app(config=None):\n    pass\n"},
        f'exec gunicorn shop:create_app"()" {GUNICORN}',
    ),
    (
        "a factory in a src layout",
        "flask",
        {
            "pyproject.toml": "",
            "src/shop/__init__.py": "",
            "src/shop/web.py": "from flask import Flask\ndef create_app():\n    pass\n",
        },
        f'cd src && exec gunicorn shop.web:create_app"()" {GUNICORN}',
    ),
    (
        ".flaskenv with an object",
        "flask",
        {".flaskenv": 'FLASK_APP="shop.web:create_app()"\n', "app.py": FLASK},
        f"exec gunicorn shop.web:'create_app()' {GUNICORN}",
    ),
    (
        "a script in a folder",
        "flask",
        {"requirements.txt": "flask", "backend/app.py": FLASK},
        f"cd backend && exec gunicorn app:app {GUNICORN}",
    ),
    (
        "a folder imported by its own name",
        "flask",
        {"requirements.txt": "flask", "api/app.py": "from api.models import x\n" + FLASK},
        f"exec gunicorn api.app:app {GUNICORN}",
    ),
    (
        "tests come last",
        "flask",
        {"tests/app.py": FLASK, "deep/down/web.py": FLASK, "setup.py": ""},
        f"cd deep/down && exec gunicorn web:app {GUNICORN}",
    ),
    ("main.py", "fastapi", {"main.py": FASTAPI}, f"exec uvicorn main:app {UVICORN}"),
    (
        "app/main.py without __init__",
        "fastapi",
        {"requirements.txt": "fastapi", "app/main.py": "from app.api import r\n" + FASTAPI},
        f"exec uvicorn app.main:app {UVICORN}",
    ),
    (
        "a typed application of another name",
        "fastapi",
        {"server.py": "import fastapi\nsite: fastapi.FastAPI = fastapi.FastAPI()\n"},
        f"exec uvicorn server:site {UVICORN}",
    ),
    (
        "a factory",
        "fastapi",
        {
            "shop/__init__.py": "",
            "shop/web.py": "def create_app() -> FastAPI:\n  return FastAPI()\n",
        },
        f"exec uvicorn --factory shop.web:create_app {UVICORN}",
    ),
    (
        "main.py that calls a factory",
        "fastapi",
        {"main.py": "from shop import make\napp = make()\n", "shop.py": "x = [FastAPI()]\n"},
        f"exec uvicorn main:app {UVICORN}",
    ),
    (
        "a project at the top",
        "django",
        {"manage.py": MANAGE, "shop/wsgi.py": WSGI, "shop/__init__.py": ""},
        f"exec gunicorn shop.wsgi:application {GUNICORN}",
    ),
    (
        "a project without __init__",
        "django",
        {"manage.py": MANAGE, "config/wsgi.py": WSGI},
        f"cd config && exec gunicorn wsgi:application {GUNICORN}",
    ),
    (
        "a wrapped application",
        "django",
        {
            "manage.py": MANAGE,
            "shop/__init__.py": "",
            "shop/wsgi.py": "application = Sentry(get_wsgi_application())\n",
        },
        f"exec gunicorn shop.wsgi:application {GUNICORN}",
    ),
    (
        "channels",
        "django",
        {
            "manage.py": MANAGE,
            "shop/__init__.py": "",
            "shop/wsgi.py": WSGI,
            "shop/asgi.py": "application = ProtocolTypeRouter({})\n",
        },
        f"exec uvicorn shop.asgi:application {UVICORN}",
    ),
    ("start", "express", {"package.json": package(scripts={"start": "node x"})}, "exec npm start"),
    (
        "server.js",
        "express",
        {"package.json": package(), "server.js": "app.listen(port)"},
        "exec node server.js",
    ),
    (
        "main",
        "express",
        {"package.json": package(main="lib/web.js"), "lib/web.js": ""},
        "exec node .",
    ),
    ("no package.json", "express", {"app.js": ".listen(1)"}, "exec node app.js"),
    (
        "an unusual name is one word",
        "express",
        {"package.json": package(main="x; id"), "index.js": "1"},
        "exec node .",
    ),
    (
        "next start",
        "nextjs",
        {"package.json": package(dependencies={"next": "1"}, scripts={"start": "next start"})},
        'exec next start --hostname "$HOST" --port "$PORT"',
    ),
    (
        "a server of its own",
        "nextjs",
        {"package.json": package(dependencies={"next": "1"}, scripts={"start": "node server"})},
        "exec npm start",
    ),
    (
        "an export",
        "nextjs",
        {
            "package.json": package(dependencies={"next": "1"}),
            "next.config.mjs": "export default { output: 'export' }",
        },
        'exec python3 -I "$PAAS_STATIC_SERVER" out',
    ),
    (
        "public",
        "php",
        {"public/index.php": "<?php"},
        'exec php -S "$HOST:$PORT" -t public "$PAAS_PHP_ROUTER"',
    ),
    (
        "the top",
        "php",
        {"index.php": "<?php", "lib/index.php": "<?php"},
        'exec php -S "$HOST:$PORT" -t . "$PAAS_PHP_ROUTER"',
    ),
    (
        "artisan",
        "laravel",
        {"artisan": "", "public/index.php": ""},
        'exec php -S "$HOST:$PORT" -t public "$PAAS_PHP_ROUTER"',
    ),
    ("index.html", "static", {"index.html": ""}, 'exec python3 -I "$PAAS_STATIC_SERVER" .'),
    ("docs", "static", {"docs/index.html": ""}, 'exec python3 -I "$PAAS_STATIC_SERVER" docs'),
    (
        "a folder with words of the shell",
        "static",
        {"index.php": "", "package.json": "{}", "$(id) x/index.html": ""},
        "exec python3 -I \"$PAAS_STATIC_SERVER\" '$(id) x'",
    ),
    (
        "a folder like an option",
        "static",
        {"package.json": "{}", "--help/index.html": ""},
        'exec python3 -I "$PAAS_STATIC_SERVER" ./--help',
    ),
    (
        "built",
        "static",
        {"index.html": "", "package.json": package(scripts={"build": "vite build"})},
        'exec python3 -I "$PAAS_STATIC_SERVER" dist dist build out public _site',
    ),
    ("main.go", "go", {"go.mod": "module x\n", "main.go": MAIN}, "exec ./bin/paas-app"),
]


@pytest.mark.parametrize(
    ("framework", "files", "start"),
    [pytest.param(*row[1:], id=f"{row[1]}: {row[0]}") for row in STARTS],
)
def test_an_app_starts_as_its_files_suggest(framework: str, files: Files, start: str) -> None:
    assert plan_of(framework, files).start == start


@pytest.mark.parametrize("framework", CATALOGUE)
def test_a_repository_without_a_start_is_refused_with_advice(framework: str) -> None:
    with pytest.raises(StepFailed) as caught:
        plan_of(framework, {"README.md": "# Nothing"})
    assert f"No way to start the repository as {CATALOGUE[framework].name}" in str(caught.value)
    assert CATALOGUE[framework].hint in str(caught.value)


@pytest.mark.parametrize("framework", CATALOGUE)
def test_an_empty_repository_is_refused(framework: str) -> None:
    with pytest.raises(StepFailed, match="empty"):
        plan_of(framework, {})


@pytest.mark.parametrize("framework", CATALOGUE)
def test_a_procfile_comes_before_the_rules(framework: str) -> None:
    plan = plan_of(framework, {"Procfile": "web: ./serve --port $PORT\n"})
    assert plan.start.endswith("./serve --port $PORT")
    assert "It starts as its Procfile says: ./serve --port $PORT" in plan.reasons


@pytest.mark.parametrize("framework", CATALOGUE)
def test_the_users_command_comes_before_everything(framework: str) -> None:
    overrides = Overrides(start_command="./mine; echo $PORT", health_path="/up")
    plan = plan_of(framework, {"Procfile": "web: theirs\n"}, overrides)
    assert plan.start.endswith("./mine; echo $PORT")
    assert plan.health_path == "/up"


def test_a_plan_tells_its_story_in_order() -> None:
    files: Files = {
        "runtime.txt": "python-3.12.1\n",
        "requirements.txt": "Django==4.2\n",
        "site/manage.py": MANAGE,
        "site/shop/__init__.py": "",
        "site/shop/wsgi.py": WSGI,
        "site/shop/settings.py": "STATIC_ROOT = BASE_DIR / 'static'\n",
    }
    plan = plan_of("django", files)
    assert plan.root == "site"
    assert plan.runtime_version == "3.12.1"
    assert plan.install == (
        ("uv", "venv", "--clear", "--force", "--python", "{runtime}", "{dependencies}"),
        (
            *("uv", "pip", "install", "--python", "{dependencies}/bin/python", "--no-editable"),
            *("--requirements", "../requirements.txt", "gunicorn"),
        ),
    )
    assert plan.build == ("python manage.py collectstatic --noinput",)
    assert plan.release == ("python manage.py migrate --noinput",)
    assert plan.reasons == (
        "The app's folder is site: manage.py lies there.",
        "runtime.txt asks for python 3.12.1.",
        "../requirements.txt names the dependencies, so they are installed from it.",
        "Added to the dependencies, which do not name it: gunicorn.",
        "It is built with `python manage.py collectstatic --noinput`: "
        "the settings name a STATIC_ROOT.",
        "Before the release serves, this runs: `python manage.py migrate --noinput`: "
        "a Django project brings its database up to date with migrations.",
        f"It starts with `exec gunicorn shop.wsgi:application {GUNICORN}`: "
        "shop/wsgi.py holds the project's WSGI application.",
    )


def test_a_procfile_at_the_top_keeps_its_commands_at_the_top() -> None:
    files: Files = {
        "Procfile": "web: gunicorn --chdir site shop.wsgi\n",
        "site/manage.py": MANAGE,
        "site/shop/settings.py": "STATIC_ROOT = 1\n",
    }
    plan = plan_of("django", files)
    assert plan.root == ""
    assert plan.build == ("python site/manage.py collectstatic --noinput",)
    assert plan.release == ("python site/manage.py migrate --noinput",)


def test_a_procfiles_release_replaces_the_frameworks() -> None:
    files: Files = {"Procfile": "web: gunicorn x\nrelease: ./migrate.sh\n", "manage.py": MANAGE}
    assert plan_of("django", files).release == ("./migrate.sh",)


def test_a_settings_file_that_names_the_folder_at_times_is_asked_first() -> None:
    files: Files = {
        "manage.py": MANAGE,
        "shop/wsgi.py": WSGI,
        "shop/settings.py": "if not DEBUG:\n    STATIC_ROOT = 'x'\n",
    }
    (build,) = plan_of("django", files).build
    assert build.startswith("if python manage.py shell -c ")
    assert build.endswith("then python manage.py collectstatic --noinput; fi")


def test_database_url_gets_a_default_for_every_command_that_may_read_it() -> None:
    files: Files = {"Procfile": "web: gunicorn x", "s.py": 'x = os.environ["DATABASE_URL"]\n'}
    plan = plan_of("flask", files)
    default = "sqlite:///$PAAS_DATA_DIR/database.sqlite3"
    assert plan.start == f'export DATABASE_URL="${{DATABASE_URL:-{default}}}"; gunicorn x'


def test_a_server_that_binds_a_port_of_its_own_is_told_the_platforms() -> None:
    files: Files = {"Procfile": "web: gunicorn -c gunicorn_config.py a:b"}
    files["gunicorn_config.py"] = 'bind = "0.0.0.0:8080"\n'
    start = plan_of("flask", files).start
    assert start.startswith(
        'export GUNICORN_CMD_ARGS="--bind $HOST:$PORT ${GUNICORN_CMD_ARGS:-}"; '
    )


@pytest.mark.parametrize(
    ("files", "install", "kept"),
    [
        ({"package-lock.json": "{}"}, "npm ci --include=dev --no-audit --no-fund", True),
        ({"npm-shrinkwrap.json": "{}"}, "npm ci --include=dev --no-audit --no-fund", True),
        ({"yarn.lock": "# yarn lockfile v1\n"}, "npx --yes yarn@1.22.22 install", True),
        ({"yarn.lock": "__metadata:\n  version: 8\n"}, "env YARN_NODE_LINKER=node-modules", True),
        ({"pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}, "npx --yes pnpm@9 install", True),
        ({"pnpm-lock.yaml": "lockfileVersion: '6.0'\n"}, "npx --yes pnpm@8 install", True),
        ({"pnpm-lock.yaml": "lockfileVersion: 5.4\n"}, "npx --yes pnpm@7 install", True),
        ({}, "npm install --include=dev", True),
    ],
)
def test_the_lock_file_tells_the_package_manager(files: Files, install: str, kept: bool) -> None:
    data = package(scripts={"start": "node x"}, dependencies={"express": "5"})
    plan = plan_of("express", {"package.json": data, **files})
    assert " ".join(plan.install[0]).startswith(install)
    assert plan.kept == (("node_modules",) if kept else ())
    assert plan.environment["NODE_ENV"] == "production"


def test_an_app_without_packages_installs_none() -> None:
    plan = plan_of("express", {"package.json": package(scripts={"start": "node x"})})
    assert (plan.install, plan.kept) == ((), ())


@pytest.mark.parametrize(
    ("scripts", "build"),
    [
        ({"build": "tsc"}, ("npm run build",)),
        ({"build": "tsc", "heroku-postbuild": "make"}, ("npm run heroku-postbuild",)),
        ({"postinstall": "prisma generate"}, ("npm run postinstall",)),
        ({"postinstall": "echo thanks"}, ()),
    ],
)
def test_scripts_that_build(scripts: dict[str, str], build: tuple[str, ...]) -> None:
    data = package(scripts={"start": "node x", **scripts})
    assert plan_of("express", {"package.json": data}).build == build


PACKAGES: list[tuple[str, Files, str]] = [
    (
        "uv.lock",
        {"uv.lock": '[[package]]\nname = "flask"\n', "pyproject.toml": "[project]\n"},
        "{dependencies}/locked.txt gunicorn",
    ),
    (
        "poetry.lock",
        {
            "poetry.lock": '[[package]]\nname="Flask"\nversion="3.1.0"\ngroups=["main"]\n'
            '[[package]]\nname="pytest"\nversion="8.0"\ngroups=["dev"]\n'
            '[[package]]\nname="colorama"\nversion="0.4"\nmarkers="os_name == \'nt\'"\n'
        },
        "Flask==3.1.0 colorama==0.4 ; os_name == 'nt' gunicorn",
    ),
    (
        "Pipfile.lock",
        {
            "Pipfile.lock": json.dumps(
                {"default": {"flask": {"version": "==3.1.0", "extras": ["async"]}}, "develop": {}}
            )
        },
        "flask[async]==3.1.0 gunicorn",
    ),
    (
        "requirements.txt",
        {"requirements.txt": "flask==3.1.0\ngunicorn\n"},
        "--requirements requirements.txt",
    ),
    (
        "an include that names the server",
        {"requirements.txt": "-r base.txt\n", "base.txt": "Flask\nGunicorn==23\n"},
        "--requirements requirements.txt",
    ),
    (
        "requirements/production.txt",
        {"requirements/production.txt": "flask\n"},
        "--requirements requirements/production.txt gunicorn",
    ),
    (
        "an old Gunicorn",
        {"requirements.txt": "flask\ngunicorn==20.0.4\n"},
        "--requirements requirements.txt setuptools<81",
    ),
    (
        "pyproject.toml",
        {"pyproject.toml": '[project]\ndependencies = ["flask>=3", "gunicorn"]\n'},
        "--requirements pyproject.toml",
    ),
    (
        "Poetry without a lock",
        {
            "pyproject.toml": "[tool.poetry.dependencies]\n"
            'python = "^3.10"\nflask = "^3.1"\nrich = "~13.2"\nsix = "*"\nidna = "3.6"\n'
            'attrs = {version = ">=23,<25", extras = ["x"]}\n'
            'later = {version = "1", optional = true}\n'
            'mine = {git = "https://example.org/m.git", tag = "v1"}\n'
        },
        "flask>=3.1,<4 rich>=13.2,<13.3 six idna==3.6 attrs[x]>=23,<25 "
        "mine @ git+https://example.org/m.git@v1 gunicorn",
    ),
    (
        "Pipfile",
        {"Pipfile": '[packages]\nflask = "*"\ngunicorn = "==23.0"\n'},
        "flask gunicorn==23.0",
    ),
    ("setup.py", {"setup.py": "setup()"}, "--requirements setup.py flask gunicorn"),
    ("nothing", {}, "flask==3.1.* gunicorn"),
    (
        "a pyproject.toml of tools alone",
        {"pyproject.toml": "[tool.ruff]\nline-length = 1\n"},
        "flask==3.1.* gunicorn",
    ),
]


@pytest.mark.parametrize(("files", "end"), [pytest.param(*row[1:], id=row[0]) for row in PACKAGES])
def test_python_packages_are_installed_from_what_names_them(files: Files, end: str) -> None:
    plan = plan_of("flask", {"app.py": FLASK, **files})
    assert plan.install[0][:2] == ("uv", "venv")
    assert " ".join(plan.install[-1]).endswith(" " + end)


def test_the_program_of_a_procfile_is_added_when_it_is_missing() -> None:
    files: Files = {"Procfile": "web: waitress-serve --port=$PORT a:b", "requirements.txt": "flask"}
    assert plan_of("flask", files).install[-1][-1] == "waitress"


def hash_of(files: Files, framework: str = "flask") -> str:
    return plan_of(framework, {"app.py": FLASK, **files}).dependencies_hash


def test_the_hash_changes_with_what_the_installation_reads_and_with_nothing_else() -> None:
    base: Files = {"requirements.txt": "-r a.txt\nflask\n", "a.txt": "six\n"}
    first = hash_of(base)
    assert len(first) == hashlib.sha256().digest_size * 2
    assert hash_of({**base, "README.md": "x", "other.py": "y"}) == first
    assert hash_of({**base, "requirements.txt": "-r a.txt\nflask==3\n"}) != first
    assert hash_of({**base, "a.txt": "six==1\n"}) != first
    assert hash_of({**base, "runtime.txt": "python-3.11.2"}) != first


def test_code_that_the_installation_copies_counts_for_the_hash() -> None:
    base: Files = {"requirements.txt": "-e .\nflask\n", "setup.py": "", "lib.py": "a = 1\n"}
    assert hash_of(base) != hash_of({**base, "lib.py": "a = 2\n"})


def test_node_packages_are_kept_by_their_lock() -> None:
    def of(**extra: str) -> str:
        data = package(scripts={"start": "x"}, dependencies={"express": "5"})
        files: Files = {"package.json": data, "package-lock.json": "{}", **extra}
        return plan_of("express", files).dependencies_hash

    assert of() == of(**{"index.js": "1"})
    assert of() != of(**{".npmrc": "legacy-peer-deps=true"})


def test_composer_runs_only_for_packages_that_are_not_there() -> None:
    page: Files = {"public/index.php": ""}
    needs: Files = {"composer.json": '{"require": {"slim/slim": "4"}}'}
    assert plan_of("php", {**page, **needs}).install[0][:2] == ("composer", "install")
    assert plan_of("php", {**page, **needs}).kept == ("vendor",)
    assert plan_of("php", {**page, **needs, "vendor/autoload.php": ""}).install == ()
    assert plan_of("php", {**page, "composer.json": '{"require": {"php": "8.2"}}'}).install == ()


def test_the_document_root_of_another_platforms_procfile_is_kept() -> None:
    files: Files = {"Procfile": "web: heroku-php-apache2 web/\n", "web/index.php": ""}
    plan = plan_of("php", files)
    assert plan.document_root == "web"
    assert plan.start == 'exec php -S "$HOST:$PORT" -t web "$PAAS_PHP_ROUTER"'


def test_a_document_root_outside_of_the_repository_is_refused() -> None:
    files: Files = {"Procfile": "web: heroku-php-apache2 a/../../../etc\n", "index.php": ""}
    with pytest.raises(StepFailed, match="outside of the repository"):
        plan_of("php", files)


def test_a_site_that_is_built_asks_for_node() -> None:
    files: Files = {
        "package.json": package(
            scripts={"build": "react-scripts build"}, dependencies={"react-router-dom": "6"}
        ),
        "package-lock.json": "{}",
        ".nvmrc": "20",
    }
    plan = plan_of("static", files)
    assert (plan.runtime, plan.runtime_version) == ("node", "20")
    assert plan.document_root == "build"
    assert "--fallback index.html build" in plan.start
    assert plan_of("static", {"index.html": ""}).runtime == "static"


@pytest.mark.parametrize("value", ['"pages"', "path.join(__dirname, 'pages')"])
def test_a_site_is_looked_for_where_its_settings_put_it(value: str) -> None:
    files: Files = {
        "package.json": package(scripts={"build": "vite build"}),
        "vite.config.js": f"export default {{ build: {{ outDir: {value} }} }}",
    }
    assert plan_of("static", files).document_root == "pages"


@pytest.mark.parametrize(
    ("files", "package_path"),
    [
        ({"main.go": MAIN}, "./."),
        ({"cmd/tool/main.go": MAIN, "cmd/server/main.go": MAIN}, "./cmd/server"),
        ({"cmd/tool/main.go": MAIN}, "./cmd/tool"),
        ({"gen.go": "//go:build ignore\n\n" + MAIN, "web/run.go": MAIN}, "./web"),
        (
            {"lib.go": "package lib\n", "examples/a.go": MAIN, "deep/in/side/a.go": MAIN},
            "./deep/in/side",
        ),
    ],
)
def test_go_builds_the_main_package(files: Files, package_path: str) -> None:
    plan = plan_of("go", {"go.mod": "module x\n\ngo 1.22\n", **files})
    assert plan.build == (f"go build -o bin/paas-app {package_path}",)
    assert plan.runtime_version == "1.22"


def test_programs_of_a_go_procfile_are_built_and_found_by_name() -> None:
    files: Files = {"go.mod": "module x\n", "main.go": MAIN, "Procfile": "web: x\n"}
    plan = plan_of("go", files)
    assert plan.start == 'export PATH="$PWD/bin:$PATH"; x'
    assert plan.build[0].endswith("go build -o bin/ ./...")


def test_what_a_repository_looks_like() -> None:
    def looks(files: Files) -> list[str]:
        return guess(CATALOGUE, MemoryTree(files))

    assert looks({"manage.py": MANAGE}) == ["django"]
    assert looks({"requirements.txt": "Flask==3\n"}) == ["flask"]
    assert looks({"requirements.txt": "fastapi[standard]\n"}) == ["fastapi"]
    assert looks({"package.json": package(dependencies={"next": "1"})}) == ["nextjs"]
    assert looks({"go.mod": "module x\n"}) == ["go"]
    assert looks({"README.md": ""}) == []


def test_large_repositories_are_looked_into_within_bounds() -> None:
    files: Files = {f"pkg{n % 90}/mod{n}.py": "x = 1\n" for n in range(20_000)}
    tree = MemoryTree({**files, "requirements.txt": "flask\n"})
    with pytest.raises(StepFailed, match="No way to start"):
        make_plan(CATALOGUE["flask"], tree, Overrides())
    assert len(tree.readings) < 2_000
