"""Reads pages as a browser without scripts would: forms, their fields, and how they are sent."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from threading import Thread
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from paas.engine.platform import Platform
from paas.store import events
from paas.store.models import App, Operation
from tests import factories
from tests.services import people


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._open: Form | None = None
        self._select = ""
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag == "form":
            self._open = Form(given.get("action", ""), given.get("method", "get"))
            self.forms.append(self._open)
        if self._open is None:
            return
        name = given.get("name", "")
        if tag == "input" and (
            given.get("type") not in ("radio", "checkbox") or "checked" in given
        ):
            self._open.fields[name] = given.get("value", "")
        elif tag == "select":
            self._select = name
        elif tag == "option" and ("selected" in given or self._select not in self._open.fields):
            self._open.fields[self._select] = given.get("value", "")
        elif tag == "textarea":
            self._textarea = name
            self._open.fields[name] = ""

    def handle_data(self, data: str) -> None:
        if self._textarea and self._open:
            self._open.fields[self._textarea] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "textarea":
            self._textarea = ""


def read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    return reader


def form(html: str, action: str) -> Form:
    """The form that is sent to ``action`` by POST."""
    found = [f for f in read(html).forms if f.action.partition("#")[0] == action]
    posted = [f for f in found if f.method == "post"]
    assert posted, f"no form posts to {action}"
    return posted[0]


def send(client: FlaskClient, page: str, action: str, **typed: str) -> TestResponse:
    """Open the page, fill its form and send it, as a person would."""
    found = form(client.get(page).text, action)
    assert set(typed) <= set(found.fields), "the form lacks a field that was typed into"
    return client.post(found.action or page, data={**found.fields, **typed})


def add_app(core: Platform, *entries: events.Entry, operation: str = "", **changes: object) -> str:
    """An app with these events and, if named, an active operation; its id."""
    sealed = core.store.vault.seal_map({})
    with core.store.write() as session:
        app = factories.app_row(session, **{"environment": sealed, **changes})
        if operation:
            factories.operation_row(session, app, kind=operation, state="running", epoch=1)
        if entries:
            events.append(session, app.id, entries)
        return app.uuid


def add_events(core: Platform, app_id: str, *entries: events.Entry, ends: bool = False) -> None:
    """More events for an app; ``ends`` closes its operation and lets it run."""
    with core.store.write() as session:
        app = session.query(App).filter_by(uuid=app_id).one()
        if entries:
            events.append(session, app.id, entries)
        if ends:
            app.state = "running"
            for operation in session.query(Operation).filter_by(app_id=app.id):
                operation.state = "succeeded"
    core.hub.publish(app_id)


def sign_in(client: FlaskClient, email: str) -> TestResponse:
    """Sign a user of ``people`` in with this browser."""
    return send(client, "/sign-in", "/sign-in", email=email, password=people.PASSWORD)


def texts(html: str, tag: str) -> list[str]:
    """What stands in each element of this name, without the markup within."""
    found = re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", html, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in found]


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The application on a port of its own; yields its URL."""
    server: Any = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join(30)
        server.server_close()
