"""Every error takes the shape of the dialect with the longest claim on its path."""

import logging
from collections.abc import Callable

import pytest
from flask import Blueprint, Flask, Response, abort
from flask.testing import FlaskClient

from paas.api.dialect import Dialect, Fault, owner_of
from paas.api.operations import Answer
from paas.api.wiring import STATUS, register
from paas.domain import errors
from paas.domain.errors import PaasError


def dialect(name: str, *claims: str) -> Dialect:
    def render(fault: Fault) -> Response:
        return Response(f"{name} {fault.status} {fault.sentences[0]}", fault.status)

    return Dialect(name, Blueprint(name, __name__), claims, render, lambda _: Answer(""))


ONE = dialect("one", "/api", "/api/deploy")
TWO = dialect("two", "/api/v1/projects", "/api/deployments/special")


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/api", ONE),
        ("/api/deploy", ONE),
        ("/api/deployments", ONE),
        ("/api/deployments/special", TWO),
        ("/api/deployments/specials", ONE),
        ("/api/v1/projects/7/nothing", TWO),
        ("/api/v1/project", ONE),
        ("/apis", None),
        ("/", None),
        ("", None),
    ],
)
def test_the_longest_claim_wins(path: str, owner: Dialect | None) -> None:
    assert owner_of(path, (ONE, TWO)) is owner


WAITS = (errors.Busy, errors.TooMany)


def serve(view: Callable[[], object]) -> FlaskClient:
    app = Flask(__name__)
    app.add_url_rule("/api/thing", "thing", view)  # type: ignore[arg-type]
    register(app, (ONE, TWO), lambda fault: Response(f"page {fault.status}", fault.status))
    return app.test_client()


def raising(error: Exception) -> Callable[[], object]:
    def view() -> object:
        raise error

    return view


@pytest.mark.parametrize(("kind", "status"), STATUS.items())
def test_every_meaning_has_its_status(kind: type[PaasError], status: int) -> None:
    error: PaasError
    if kind in WAITS:
        error = kind("words", retry_after=3)  # type: ignore[call-arg]
    elif kind is errors.Invalid:
        error = errors.Invalid(["words", "more"])
    else:
        error = kind("words")
    answer = serve(raising(error)).get("/api/thing")
    assert answer.status_code == status
    assert answer.text == f"one {status} words"
    assert answer.headers.get("Retry-After") == ("3" if kind in WAITS else None)


def test_what_the_doors_do_not_know_is_500_with_its_sentence() -> None:
    answer = serve(raising(errors.LeaseLost("the lease is lost"))).get("/api/thing")
    assert answer.text == "one 500 the lease is lost"


def test_the_inner_text_goes_to_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    answer = serve(raising(errors.Unavailable("Not now", detail="db-7 refused"))).get("/api/thing")
    assert answer.text == "one 503 Not now"
    assert "db-7 refused" in caplog.text


def test_a_bug_shows_nothing_and_logs_everything(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = serve(raising(ValueError("the secret"))).get("/api/thing")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "ValueError: the secret" in caplog.text
    assert "Traceback" in caplog.text


def test_a_path_cannot_write_a_second_line_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    app = Flask(__name__)
    app.add_url_rule("/api/<name>", "thing", lambda name: 1 // 0)
    register(app, (ONE,), lambda fault: Response("", fault.status))
    app.test_client().get("/api/a%0d%0aERROR%20forged")
    (record,) = caplog.records
    assert "\n" not in record.getMessage()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/api/nothing", "one 404 There is nothing at this path"),
        ("/api/v1/projects/x", "two 404 There is nothing at this path"),
        ("/nothing", "page 404"),
    ],
)
def test_unknown_paths(path: str, text: str) -> None:
    assert serve(lambda: "").get(path).text == text


def test_a_method_that_is_not_allowed_says_which_are() -> None:
    answer = serve(lambda: "").post("/api/thing")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("status", [400, 403, 406, 410, 418, 429, 500, 503])
def test_every_error_of_http_has_the_shape(status: int) -> None:
    answer = serve(lambda: abort(status)).get("/api/thing")
    assert answer.text.startswith(f"one {status if status < 500 else 500} ")


def test_an_answer_given_by_abort_stays_as_it_is() -> None:
    answer = serve(lambda: abort(Response("mine", 418))).get("/api/thing")
    assert (answer.status_code, answer.text) == (418, "mine")
