"""What going back to an earlier version would change."""

from dataclasses import replace

import pytest

from paas.domain.errors import Forbidden, Invalid, NotFound
from paas.domain.permissions import Permission
from paas.domain.views import SettingChange
from paas.engine.platform import Platform
from paas.services import releases
from paas.store.models import App, Deployment, Release
from tests import factories
from tests.factories import ACTOR
from tests.services import people

NEW, OLD = "a" * 40, "b" * 40


@pytest.fixture
def app_id(platform: Platform) -> str:
    """An app whose second version serves and whose environment was changed since."""
    seal = platform.store.vault.seal_map
    with platform.store.write() as session:
        app = factories.app_row(
            session,
            framework="django",
            branch="main",
            state="running",
            environment=seal({"SAME": "1", "OTHER": "new", "ADDED": "1"}),
        )
        old = {"framework": "flask", "branch": "main", "start_command": "serve", "variables": {}}
        add_release(session, app, 1, OLD, old, seal({"SAME": "1", "OTHER": "old", "GONE": "1"}))
        app.live_release_id = add_release(session, app, 2, NEW, {}, app.environment).id
        return app.uuid


def add_release(session, app: App, number: int, sha: str, settings, variables) -> Release:
    release = Release(
        app_id=app.id,
        number=number,
        sha=sha,
        archive="kept",
        plan={},
        environment=b"",
        settings=settings,
        variables=variables,
    )
    session.add(release)
    session.flush()
    session.add(Deployment(app_id=app.id, release_id=release.id, state="deployed"))
    return release


def change(platform: Platform, number: int, **values: object) -> None:
    with platform.store.write() as session:
        release = session.query(Release).filter_by(number=number).one()
        for name, value in values.items():
            setattr(release, name, value)


def test_code_settings_and_the_names_of_variables(platform: Platform, app_id: str) -> None:
    found = releases.difference(platform, ACTOR, app_id, 1)
    assert (found.serves, found.commit_now, found.commit_then) == (2, NEW, OLD)
    assert found.settings == (
        SettingChange("framework", "django", "flask"),
        SettingChange("start_command", "", "serve"),
    )
    assert (found.added, found.removed, found.changed) == (("GONE",), ("ADDED",), ("OTHER",))
    assert (found.refusal, found.migrated, found.ends_auto_deploy) == ("", "", False)
    assert "old" not in repr(found)


def test_a_release_that_kept_no_variables_leaves_them(platform: Platform, app_id: str) -> None:
    change(platform, 1, variables=None, settings={})
    found = releases.difference(platform, ACTOR, app_id, 1)
    assert (found.settings, found.added, found.removed, found.changed) == ((), (), (), ())


def test_what_stands_in_the_way_is_said_as_a_rollback_says_it(
    platform: Platform, app_id: str
) -> None:
    assert "is the one that serves" in releases.difference(platform, ACTOR, app_id, 2).refusal
    change(platform, 2, plan={"release": ["migrate"]})
    assert "Version 2 ran migrations" in releases.difference(platform, ACTOR, app_id, 1).migrated
    change(platform, 1, archive="")
    assert "no longer kept" in releases.difference(platform, ACTOR, app_id, 1).refusal


def test_it_is_for_whoever_may_roll_back(platform: Platform, app_id: str) -> None:
    with pytest.raises(Invalid):
        releases.difference(platform, ACTOR, app_id, 3)
    elsewhere = replace(ACTOR, tenant_id=people.add_tenant(platform, "other"))
    with pytest.raises(NotFound):
        releases.difference(platform, elsewhere, app_id, 1)
    reader = replace(ACTOR, permissions=frozenset({Permission.APPS_READ}))
    with pytest.raises(Forbidden):
        releases.difference(platform, reader, app_id, 1)
