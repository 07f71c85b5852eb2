"""What every verb shares: whom it speaks to, and how it says what came of it."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from paas.cli.client import Client, Json
from paas.cli.exits import USAGE, CliFailure
from paas.cli.text import neutral, neutral_lines
from paas.settings import client_token, client_url

Verb = TypeVar("Verb", bound=Callable[..., object])


@dataclass
class Session:
    """One run of the command. ``json`` is set by the verb's ``--json``."""

    url: str | None = None
    token_file: Path | None = None
    json: bool = False

    def client(self) -> Client:
        """The platform that was named, by option before environment."""
        token, instance_file = client_token()
        if self.token_file is not None:
            token = _read_token(self.token_file)
        return Client(self.url or client_url(), token, instance_file)

    def result(self, document: Mapping[str, object], *lines: str) -> None:
        """The verb's result on stdout: the document under ``--json``, else the lines."""
        if self.json:
            click.echo(json.dumps(document, indent=2, ensure_ascii=True))
            return
        for line in lines:
            click.echo(line)

    def fail(self, failure: CliFailure) -> int:
        """Say why the verb ended; returns its exit code."""
        for sentence in failure.sentences:
            click.echo(neutral_lines(sentence), err=True)
        if self.json:
            document: Json = dict(failure.document or {})
            document["success"] = False
            if not document.get("errors"):
                document["errors"] = list(failure.sentences)
            document["exit_code"] = failure.code
            click.echo(json.dumps(document, indent=2, ensure_ascii=True))
        return failure.code


def _read_token(path: Path) -> str:
    try:
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CliFailure(USAGE, f"The token file {path} cannot be read: {error}.") from error
    if not token or not token.isascii() or not token.isprintable():
        raise CliFailure(USAGE, f"The token file {path} holds no token: one line of ASCII text.")
    return token


def _set_json(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
    session = ctx.find_object(Session)
    if value and session is not None:
        session.json = True
    return value


def with_json(verb: Verb) -> Verb:
    """Give a verb ``--json``."""
    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=_set_json,
        help="Print one JSON document on stdout; progress stays on stderr.",
    )(verb)


def say(sentence: str) -> None:
    """A sentence beside the result, on stderr."""
    click.echo(neutral(sentence), err=True)


def confirmed(question: str) -> bool:
    """Ask on stderr; raises a usage error where nobody can answer."""
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here; --yes goes on without asking.")
    return click.confirm(question, err=True)


def colour_on_stdout() -> bool:
    """Whether stdout may show colours."""
    return sys.stdout.isatty()
