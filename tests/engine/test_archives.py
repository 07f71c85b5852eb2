"""Archives and old lines leave this machine only when the object store has them, and come back."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from paas.domain.errors import StepFailed, Unreachable
from paas.domain.specs import Actor
from paas.domain.states import AppState
from paas.engine import archives, log_archive
from paas.engine.platform import Platform
from paas.engine.sweeper import Sweeper
from paas.services import deployments, live_settings, releases
from paas.store import events
from paas.store.base import utcnow
from paas.store.models import App, Event, Release
from paas.tools.object_store import ObjectStore
from tests import s3
from tests.engine import live
from tests.factories import ACTOR, app_row, deploy_spec
from tests.mirror import Mirror


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with s3.server() as found:
        yield found


def use_store(platform: Platform, url: str) -> ObjectStore:
    """Let the platform keep its archives in a new bucket."""
    changes = {
        "storage_type": "s3",
        "s3_endpoint": url,
        "s3_bucket": s3.bucket(url).name,
        "s3_access_key": s3.ACCESS,
        "s3_secret_key": s3.SECRET,
        "s3_prefix": "paas",
    }
    live_settings.change(platform, ACTOR, changes)
    store = archives.object_store(platform)
    assert store is not None
    return store


def noon(days_ago: int) -> datetime:
    return utcnow().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)


def write(platform: Platform, app: App, at: datetime, *texts: str) -> None:
    with platform.store.write() as session:
        lines = [events.Entry("log", "terraform", text, at) for text in texts]
        events.append(session, app.id, lines)


def an_app(platform: Platform, **changes: object) -> App:
    with platform.store.write() as session:
        return app_row(session, **changes)


def lines_left(platform: Platform) -> int:
    with platform.store.read() as session:
        found = session.scalar(select(func.count()).select_from(Event).where(Event.kind == "log"))
        return found or 0


def texts_in(store: ObjectStore, key: str) -> list[str]:
    body = store.get(key)
    assert body is not None
    return [json.loads(line)["text"] for line in gzip.decompress(body).splitlines()]


def test_old_lines_move_by_app_and_day_and_young_ones_stay(bare: Platform, url: str) -> None:
    store = use_store(bare, url)
    one, two = an_app(bare), an_app(bare)
    for app, days in ((one, 40), (one, 39), (two, 39), (two, 1)):
        write(bare, app, noon(days), *(f"{days} days, line {n}, ü" for n in range(3)))
    assert log_archive.move_old_lines(bare, store) == 9
    assert lines_left(bare) == 3
    keys = store.keys("logs/")
    assert [key.rpartition("/")[0] for key in keys] == sorted(
        f"logs/{app.uuid}/{noon(days).date()}" for app, days in ((one, 40), (one, 39), (two, 39))
    )
    first = next(key for key in keys if key.startswith(f"logs/{one.uuid}/{noon(40).date()}"))
    assert texts_in(store, first) == [f"40 days, line {n}, ü" for n in range(3)]
    line = json.loads(gzip.decompress(store.get(first) or b"").splitlines()[0])
    assert line | {"seq": 0} == {
        "seq": 0,
        "at": noon(40).astimezone(UTC).isoformat(),
        "kind": "log",
        "stream": "terraform",
        "text": "40 days, line 0, ü",
    }
    assert log_archive.move_old_lines(bare, store) == 0


def test_more_lines_than_a_page_are_all_there(bare: Platform, url: str) -> None:
    store = use_store(bare, url)
    write(bare, an_app(bare), noon(40), *(str(n) for n in range(2345)))
    assert log_archive.move_old_lines(bare, store) == 2345
    (key,) = store.keys("logs/")
    assert texts_in(store, key) == [str(n) for n in range(2345)]


def test_the_retention_is_the_live_one_in_whole_days(bare: Platform, url: str) -> None:
    store = use_store(bare, url)
    app = an_app(bare)
    edge = utcnow().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=7)
    write(bare, app, edge - timedelta(seconds=1), "too old")
    write(bare, app, edge, "on the edge")
    assert log_archive.move_old_lines(bare, store) == 0
    live_settings.change(bare, ACTOR, {"loki_retention_days": 7})
    assert log_archive.move_old_lines(bare, store) == 1
    assert lines_left(bare) == 1


def test_nothing_is_removed_that_the_store_has_not_confirmed(
    bare: Platform, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = use_store(bare, url)
    write(bare, an_app(bare), noon(40), "kept")

    def refuse(*_: object) -> None:
        raise Unreachable("The object store does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "upload", refuse)
        archives.look_after(bare)
        Sweeper(bare).sweep()
    assert lines_left(bare) == 1
    archives.look_after(bare)
    assert lines_left(bare) == 0
    assert len(store.keys("logs/")) == 1


def test_a_crash_between_upload_and_removal_writes_no_line_twice(
    bare: Platform, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = use_store(bare, url)
    write(bare, an_app(bare), noon(40), *(str(n) for n in range(1000)))
    monkeypatch.setattr(log_archive, "PRUNE_ROWS", 300)
    removed: list[int] = []
    remove = log_archive.log_archive.remove

    def dies(session, day, most):
        if removed:
            raise KeyboardInterrupt
        removed.append(remove(session, day, most))
        return removed[0]

    with monkeypatch.context() as patch:
        patch.setattr(log_archive.log_archive, "remove", dies)
        with pytest.raises(KeyboardInterrupt):
            log_archive.move_old_lines(bare, store)
    assert lines_left(bare) == 700
    assert log_archive.move_old_lines(bare, store) == 700
    (key,) = store.keys("logs/")
    assert texts_in(store, key) == [str(n) for n in range(1000)]


def test_lines_that_come_late_get_an_object_of_their_own(bare: Platform, url: str) -> None:
    store = use_store(bare, url)
    app = an_app(bare)
    write(bare, app, noon(40), "first")
    log_archive.move_old_lines(bare, store)
    write(bare, app, noon(40), "late")
    log_archive.move_old_lines(bare, store)
    assert [texts_in(store, key) for key in store.keys("logs/")] == [["first"], ["late"]]


def test_without_a_store_old_lines_go_when_the_retention_changes(bare: Platform) -> None:
    write(bare, an_app(bare), noon(10), "old")
    sweeper = Sweeper(bare)
    sweeper.sweep()
    assert lines_left(bare) == 1
    live_settings.change(bare, ACTOR, {"loki_retention_days": 5})
    sweeper.sweep()
    assert lines_left(bare) == 0


def release_of(platform: Platform, app: App, *, here: bool = True) -> Release:
    with platform.store.write() as session:
        name = f"{app.uuid}.tar.gz"
        release = Release(
            app_id=app.id, number=1, sha="a" * 40, archive=name, plan={}, environment=b""
        )
        session.add(release)
    if here:
        folder = platform.folder("releases") / app.uuid
        folder.mkdir()
        (folder / name).write_bytes(b"the source")
    return release


def test_archives_are_brought_once_by_the_machine_that_has_them(bare: Platform, url: str) -> None:
    store = use_store(bare, url)
    app, other = an_app(bare), an_app(bare)
    release = release_of(bare, app)
    release_of(bare, other, here=False)
    assert archives.bring_new(bare, store) == 1
    assert archives.bring_new(bare, store) == 0
    assert store.get(archives.key_of(app.uuid, release.uuid)) == b"the source"
    assert len(store.keys("releases/")) == 1


def test_archives_go_with_their_app(bare: Platform, url: str) -> None:
    store = use_store(bare, url)
    app, other = an_app(bare), an_app(bare)
    for one in (app, other):
        release_of(bare, one)
    archives.look_after(bare)
    with bare.store.write() as session:
        session.get_one(App, app.id).state = AppState.DELETED
    # Also after the store was given up: what it has is known still.
    live_settings.change(bare, ACTOR, {"storage_type": "local"})
    archives.look_after(bare)
    assert [key.split("/")[1] for key in store.keys("releases/")] == [other.uuid]
    with bare.store.read() as session:
        assert session.scalars(select(Release.stored_at).where(Release.app_id == app.id)).all() == [
            None
        ]


@dataclass
class Worker:
    """What fetching back an archive asks of an attempt."""

    platform: Platform
    said: list[str] = field(default_factory=list)

    @property
    def write(self):
        return self.platform.store.write

    def say(self, text: str) -> None:
        self.said.append(text)


def test_an_archive_of_another_machine_is_waited_for_and_fetched(bare: Platform, url: str) -> None:
    store = use_store(bare, url)
    app = an_app(bare)
    release = release_of(bare, app, here=False)
    worker: Any = Worker(bare)
    with pytest.raises(Unreachable, match="has not brought it to the object store yet"):
        archives.ensure_local(worker, release.id)
    store.put(archives.key_of(app.uuid, release.uuid), b"the source")
    for _ in range(2):
        archives.ensure_local(worker, release.id)
    assert len(worker.said) == 2  # Once for the look that found nothing.
    with bare.store.read() as session:
        name = session.get_one(Release, release.id).archive
    assert (bare.folder("releases") / app.uuid / name).read_bytes() == b"the source"


def test_an_archive_that_is_nowhere_is_told_with_its_commit(bare: Platform) -> None:
    release = release_of(bare, an_app(bare), here=False)
    worker: Any = Worker(bare)
    with pytest.raises(StepFailed, match="Deploy its commit aaaaaaaaaaaa instead"):
        archives.ensure_local(worker, release.id)


def served(platform: Platform, actor: Actor, app_id: str) -> str:
    address = deployments.get(platform, actor, app_id).access_url
    assert address is not None
    return requests.get(address, timeout=10).text


def test_a_version_whose_source_is_no_longer_here_comes_back_from_the_store(
    platform: Platform, mirror: Mirror, url: str
) -> None:
    store = use_store(platform, url)
    repository = mirror.add("site", {"index.html": "version 1"})
    app = live.deploy(platform, deploy_spec(repository=repository))
    archives.look_after(platform)
    for number in (2, 3, 4):
        mirror.add("site", {"index.html": f"version {number}"})
        live.run(platform, deployments.redeploy(platform, ACTOR, app.id))
    folder = platform.folder("releases") / app.id
    assert len(list(folder.iterdir())) == 2
    assert served(platform, ACTOR, app.id) == "version 4"
    live.run(platform, releases.rollback(platform, ACTOR, app.id, 1))
    assert served(platform, ACTOR, app.id) == "version 1"
    assert len(store.keys("releases/")) == 1
