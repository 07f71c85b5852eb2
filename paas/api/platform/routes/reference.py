"""The description of the API: for programs, and as a page for people."""

from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify, render_template

from paas.api import document
from paas.api.context import platform
from paas.api.operations import Answer, Operation, documented
from paas.api.platform import pages
from paas.services import health

DOCUMENT = "paas.document"


@documented(
    Operation(
        "platform",
        "This description",
        {200: Answer("OpenAPI 3.1", media="application/json")},
    )
)
def openapi() -> Response:
    """The OpenAPI document."""
    return jsonify(_document())


@documented(
    Operation(
        "platform",
        "This description as a page",
        {200: Answer("HTML, without scripts", media="text/html")},
    )
)
def docs() -> str:
    """The reference, rendered from the document."""
    return render_template("platform/docs.html", page=pages.page(_document()))


def _document() -> dict[str, Any]:
    """The document, made once: neither routes nor catalogue change while a process lives."""
    app = current_app
    if DOCUMENT not in app.extensions:
        version = health.health(platform()).version
        real = cast("Any", app)._get_current_object()
        app.extensions[DOCUMENT] = document.build(real, platform(), version)
    return cast("dict[str, Any]", app.extensions[DOCUMENT])


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/openapi.json", view_func=openapi)
    blueprint.add_url_rule("/docs", view_func=docs)
