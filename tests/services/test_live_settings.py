"""Settings hold at once and in other processes soon; what cannot work is refused in words."""

import dataclasses
import logging
import re
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from paas.domain.errors import Forbidden, Invalid
from paas.domain.live import NAMES, RULES, LiveSettings
from paas.domain.permissions import Role, Standing, granted
from paas.engine import live
from paas.engine.platform import Platform
from paas.services import live_settings, plans
from paas.settings import CHECKOUT
from paas.store.commerce import LiveSetting
from paas.store.models import Release
from paas.store.people import AuditEntry
from tests import s3
from tests.factories import ACTOR, app_row

USER = dataclasses.replace(ACTOR, permissions=granted(Role.USER, Standing.OWNER), role=Role.USER)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with s3.server() as found:
        yield found


def storage(url: str, **more: object) -> dict[str, object]:
    return {
        "storage_type": "s3",
        "s3_endpoint": url,
        "s3_bucket": s3.bucket(url).name,
        "s3_access_key": s3.ACCESS,
        "s3_secret_key": s3.SECRET,
        **more,
    }


def test_what_nobody_changed_is_the_default(platform: Platform) -> None:
    assert live_settings.shown(platform, ACTOR) == {
        "default_domain": "",
        "storage_type": "local",
        "s3_endpoint": "",
        "s3_region": "us-east-1",
        "s3_bucket": "",
        "s3_prefix": "",
        "s3_access_key": "",
        "s3_secret_key": "unset",
        "loki_retention_days": platform.settings.log_days,
        "default_plan": "",
    }


def test_a_change_holds_at_once_and_is_told(platform: Platform) -> None:
    changes = {"default_domain": "apps.example.com", "loki_retention_days": 14}
    answer = live_settings.change(platform, ACTOR, changes)
    assert answer == live_settings.shown(platform, ACTOR)
    assert (answer["default_domain"], answer["loki_retention_days"]) == ("apps.example.com", 14)
    assert platform.live.now().default_domain == "apps.example.com"
    with platform.store.read() as session:
        told = session.scalars(select(AuditEntry)).one()
    assert (told.action, told.details) == (
        "settings.update",
        {"changed": ["default_domain", "loki_retention_days"]},
    )


def test_another_process_follows(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    other = dataclasses.replace(platform)
    assert other.live.now().default_domain == ""
    live_settings.change(platform, ACTOR, {"default_domain": "a.example.com"})
    assert other.live.now().default_domain == ""  # As it was read a moment ago.
    monkeypatch.setattr(live, "FRESH_SECONDS", 0.0)
    assert other.live.now().default_domain == "a.example.com"


def test_an_object_store_is_tried_and_its_secret_never_shown(
    platform: Platform, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    answer = live_settings.change(platform, ACTOR, storage(url))
    assert (answer["storage_type"], answer["s3_secret_key"]) == ("s3", "set")
    assert platform.live.now().s3_secret_key == s3.SECRET
    with platform.store.read() as session:
        row = session.get_one(LiveSetting, "s3_secret_key")
        told = session.scalars(select(AuditEntry)).one()
    assert row.value is None
    assert row.sealed is not None
    assert s3.SECRET not in f"{row.sealed!r} {told.details} {answer} {platform.live.now()!r}"
    assert s3.SECRET not in caplog.text


def test_what_is_shown_may_be_sent_back(platform: Platform, url: str) -> None:
    live_settings.change(platform, ACTOR, storage(url))
    shown = live_settings.shown(platform, ACTOR)
    assert live_settings.change(platform, ACTOR, shown) == shown
    assert platform.live.now().s3_secret_key == s3.SECRET
    gone = live_settings.change(platform, ACTOR, {"storage_type": "local", "s3_secret_key": None})
    assert gone["s3_secret_key"] == "unset"
    assert platform.live.now().s3_secret_key == ""


def test_the_documented_change_stands_once_the_keys_are_there(platform: Platform, url: str) -> None:
    first = storage(url)
    live_settings.change(platform, ACTOR, {**first, "storage_type": "local"})
    answer = live_settings.change(
        platform,
        ACTOR,
        {
            "default_domain": "apps.example.com",
            "storage_type": "s3",
            "s3_bucket": first["s3_bucket"],
            "loki_retention_days": 14,
        },
    )
    assert answer["storage_type"] == "s3"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"s3_bucket": "no-such-bucket"}, "NoSuchBucket"),
        ({"s3_endpoint": "http://127.0.0.1:9"}, "does not answer"),
        ({"s3_bucket": ""}, "also needs s3_bucket"),
        ({"s3_secret_key": "", "s3_access_key": ""}, "also needs s3_access_key, s3_secret_key"),
    ],
)
def test_an_object_store_that_cannot_be_written_changes_nothing(
    platform: Platform, url: str, changes: dict[str, object], sentence: str
) -> None:
    before = live_settings.shown(platform, ACTOR)
    with pytest.raises(Invalid, match=sentence):
        live_settings.change(platform, ACTOR, storage(url) | {"loki_retention_days": 9} | changes)
    assert live_settings.shown(platform, ACTOR) == before


def test_another_bucket_begins_empty(platform: Platform, url: str) -> None:
    live_settings.change(platform, ACTOR, storage(url))
    with platform.store.write() as session:
        app = app_row(session)
        kept = Release(app_id=app.id, number=1, sha="a", archive="a", plan={}, environment=b"")
        gone = Release(app_id=app.id, number=2, sha="b", archive="", plan={}, environment=b"")
        kept.stored_at = gone.stored_at = app.created_at
        session.add_all([kept, gone])
    live_settings.change(platform, ACTOR, {"s3_region": "eu-west-1"})
    with platform.store.read() as session:
        assert session.get_one(Release, kept.id).stored_at is not None
    live_settings.change(platform, ACTOR, {"s3_bucket": s3.bucket(url).name})
    with platform.store.read() as session:
        assert session.get_one(Release, kept.id).stored_at is None
        assert session.get_one(Release, gone.id).stored_at is not None


BROKEN = [
    ("default_domain", "not a domain"),
    ("default_domain", "-a.example.com"),
    ("default_domain", "a" * 64 + ".com"),
    ("default_domain", 5),
    ("storage_type", "ftp"),
    ("storage_type", []),
    ("s3_endpoint", "ftp://s3.example.com"),
    ("s3_endpoint", "https://s3.example.com/path"),
    ("s3_endpoint", "https://user:pw@s3.example.com"),
    ("s3_region", ""),
    ("s3_bucket", "UPPER"),
    ("s3_bucket", "a"),
    ("s3_prefix", "/begins"),
    ("s3_prefix", "a/../b"),
    ("s3_prefix", "a//b"),
    ("s3_access_key", "a b"),
    ("s3_secret_key", "new\nline"),
    ("s3_secret_key", 5),
    ("loki_retention_days", 0),
    ("loki_retention_days", True),
    ("loki_retention_days", "14"),
    ("loki_retention_days", 3651),
    ("default_plan", "No Plan"),
    ("default_plan", None),
]


def test_each_rule_has_its_sentence_and_all_are_told_at_once(platform: Platform) -> None:
    for name, value in BROKEN:
        with pytest.raises(Invalid) as refused:
            live_settings.change(platform, ACTOR, {name: value})
        assert refused.value.errors == [RULES[name].sentence], (name, value)
    with pytest.raises(Invalid) as refused:
        live_settings.change(
            platform, ACTOR, {"s3_region": "", "nonsense": 1, "default_domain": "?"}
        )
    assert refused.value.errors == [
        "Unknown setting 'nonsense'",
        RULES["default_domain"].sentence,
        RULES["s3_region"].sentence,
    ]


def test_the_default_plan_is_one_that_is_offered(platform: Platform) -> None:
    assert live_settings.change(platform, ACTOR, {"default_plan": "pro"})["default_plan"] == "pro"
    hobby = next(one for one in plans.active(platform, ACTOR) if one.slug == "hobby")
    plans.update(platform, ACTOR, hobby.id, {"is_active": False})
    for slug in ("hobby", "none"):
        with pytest.raises(Invalid, match="default_plan"):
            live_settings.change(platform, ACTOR, {"default_plan": slug})


def test_changes_at_once_do_not_undo_each_other(platform: Platform) -> None:
    wanted: list[dict[str, object]] = [
        {"default_domain": "apps.example.com"},
        {"loki_retention_days": 5},
        {"default_plan": "pro"},
    ]
    together = threading.Barrier(len(wanted))

    def change(one: dict[str, object]) -> None:
        together.wait(10)
        live_settings.change(platform, ACTOR, one)

    threads = [threading.Thread(target=change, args=(one,)) for one in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    shown = live_settings.shown(platform, ACTOR)
    assert {name: shown[name] for one in wanted for name in one} == {
        name: value for one in wanted for name, value in one.items()
    }


def test_only_administrators_see_and_change_them(platform: Platform) -> None:
    with pytest.raises(Forbidden):
        live_settings.shown(platform, USER)
    with pytest.raises(Forbidden):
        live_settings.change(platform, USER, {"loki_retention_days": 1})


def test_every_setting_has_a_rule_that_its_default_keeps() -> None:
    assert tuple(RULES) == NAMES
    for name, rule in RULES.items():
        assert rule.holds(getattr(LiveSettings(), name)), name


def test_the_page_has_every_setting_with_its_default() -> None:
    page = (CHECKOUT / "docs" / "settings.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z0-9_]+)` \|([^|]*)\|", page, re.MULTILINE))
    assert tuple(rows) == NAMES
    for name, told in rows.items():
        default = getattr(LiveSettings(), name)
        if default and name != "loki_retention_days":
            assert told.strip() == f"`{default}`", name
        else:
            assert f"`{default}`" not in told, name
