"""A repository becomes a running app, a newer release replaces it, and all of it goes away."""

import io
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
import requests

from paas.domain.states import AppState
from paas.engine.platform import Platform
from paas.services import deployments, downloads, logs
from tests.engine import live
from tests.factories import ACTOR, deploy_spec
from tests.mirror import Mirror


def page(title: str) -> dict[str, str]:
    return {"index.html": f"<title>{title}</title>"}


def text_of(url: str | None) -> str:
    assert url is not None
    return requests.get(url, timeout=10).text


def test_a_static_site_is_deployed_redeployed_stopped_started_and_deleted(
    platform: Platform, mirror: Mirror
) -> None:
    url = mirror.add("site", page("one"))
    app = live.deploy(platform, deploy_spec(repository=url))
    assert app.error_message is None
    assert app.state is AppState.RUNNING
    assert "one" in text_of(app.access_url)
    assert live.guest_folders(platform) != []

    mirror.add("site", page("two"))
    live.run(platform, deployments.redeploy(platform, ACTOR, app.id))
    again = deployments.get(platform, ACTOR, app.id)
    assert (again.state, again.release) == (AppState.RUNNING, 2)
    assert again.access_url == app.access_url
    assert "two" in text_of(again.access_url)

    live.run(platform, deployments.stop(platform, ACTOR, app.id))
    assert deployments.get(platform, ACTOR, app.id).state is AppState.STOPPED
    with pytest.raises(requests.ConnectionError):
        text_of(app.access_url)

    live.run(platform, deployments.start(platform, ACTOR, app.id))
    assert deployments.get(platform, ACTOR, app.id).state is AppState.RUNNING
    assert "two" in text_of(app.access_url)

    gone = live.destroy(platform, app.id)
    assert (gone.state, gone.address, gone.access_url) == (AppState.DELETED, None, None)
    assert live.guest_folders(platform) == []
    assert list(platform.folder("releases").iterdir()) == []
    assert list(platform.folder("work").iterdir()) == []


def test_a_repository_that_does_not_exist_costs_no_guest(platform: Platform) -> None:
    app = live.deploy(platform, deploy_spec(repository="https://github.com/tests/nothing"))
    assert app.state is AppState.FAILED
    assert "does not exist" in (app.error_message or "")
    assert app.vmid is None
    assert live.guest_folders(platform) == []


def test_a_branch_that_does_not_exist_is_named(platform: Platform, mirror: Mirror) -> None:
    url = mirror.add("site", page("one"))
    app = live.deploy(platform, deploy_spec(repository=url, branch="nowhere"))
    assert "nowhere" in (app.error_message or "")


def test_a_first_release_that_never_answers_leaves_no_guest_but_its_log(
    platform: Platform, mirror: Mirror
) -> None:
    url = mirror.add("site", page("one"))
    app = live.deploy(
        platform, deploy_spec(repository=url, start_command="echo I am broken; exit 3")
    )
    assert app.state is AppState.FAILED
    assert live.guest_folders(platform) == []
    assert "failed:" in logs.text(platform, ACTOR, app.id)


def test_a_failed_redeploy_leaves_the_old_release_serving(
    platform: Platform, mirror: Mirror
) -> None:
    url = mirror.add("site", {**page("one"), "Procfile": "web: python3 -m http.server $PORT"})
    app = live.deploy(platform, deploy_spec(repository=url))
    assert app.state is AppState.RUNNING, app.error_message
    mirror.add("site", {**page("two"), "Procfile": "web: exit 7"})
    failed = live.run(platform, deployments.redeploy(platform, ACTOR, app.id))
    assert failed.state == "failed"
    view = deployments.get(platform, ACTOR, app.id)
    assert (view.state, view.release) == (AppState.RUNNING, 1)
    assert "one" in text_of(view.access_url)


def test_a_failed_app_is_deployed_again_when_its_repository_is_mended(
    platform: Platform, mirror: Mirror
) -> None:
    url = mirror.add("site", {"readme": "no index"})
    app = live.deploy(platform, deploy_spec(repository=url))
    assert app.state is AppState.FAILED
    mirror.add("site", page("mended"))
    live.run(platform, deployments.redeploy(platform, ACTOR, app.id))
    assert "mended" in text_of(deployments.get(platform, ACTOR, app.id).access_url)


def test_the_terraform_of_an_app_says_no_changes_elsewhere(
    platform: Platform, mirror: Mirror, tmp_path: Path
) -> None:
    app = live.deploy(platform, deploy_spec(repository=mirror.add("site", page("one"))))
    archive = zipfile.ZipFile(io.BytesIO(downloads.terraform_zip(platform, ACTOR, app.id)))
    archive.extractall(tmp_path / "home")
    (folder,) = (tmp_path / "home").iterdir()
    for words in (["init", "-input=false"], ["plan", "-input=false", "-detailed-exitcode"]):
        done = subprocess.run(["terraform", *words], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "No changes" in done.stdout


def test_environment_reaches_the_app_and_stays_out_of_the_log(
    platform: Platform, mirror: Mirror
) -> None:
    secret = "correct-horse-battery"
    url = mirror.add(
        "site",
        {
            **page("one"),
            "Procfile": "web: echo $TOKEN > index.html; exec python3 -m http.server $PORT",
        },
    )
    app = live.deploy(platform, deploy_spec(repository=url, environment={"TOKEN": secret}))
    assert secret in text_of(app.access_url)
    assert secret not in logs.text(platform, ACTOR, app.id)
    raw = (platform.settings.instance / "paas.db").read_bytes()
    assert secret.encode() not in raw


def test_two_apps_that_bind_everywhere_keep_apart(platform: Platform, mirror: Mirror) -> None:
    apps = []
    for title in ("one", "two"):
        files = {**page(title), "Procfile": "web: exec python3 -m http.server $PORT"}
        url = mirror.add(f"site-{title}", files)
        apps.append(live.deploy(platform, deploy_spec(repository=url)))
    assert [a.state for a in apps] == [AppState.RUNNING] * 2
    assert "one" in text_of(apps[0].access_url)
    assert "two" in text_of(apps[1].access_url)


def test_releases_beyond_those_kept_are_removed(platform: Platform, mirror: Mirror) -> None:
    url = mirror.add("site", page("0"))
    app = live.deploy(platform, deploy_spec(repository=url))
    for number in range(1, 4):
        mirror.add("site", page(str(number)))
        live.run(platform, deployments.redeploy(platform, ACTOR, app.id))
    kept = list((platform.folder("releases") / app.id).iterdir())
    assert len(kept) == platform.settings.releases_kept
    assert "3" in text_of(app.access_url)


def test_a_ref_is_deployed_as_asked(platform: Platform, mirror: Mirror) -> None:
    url = mirror.add("site", page("one"))
    app = live.deploy(platform, deploy_spec(repository=url))
    first = app.sha
    mirror.add("site", page("two"))
    live.run(platform, deployments.redeploy(platform, ACTOR, app.id))
    live.run(platform, deployments.redeploy(platform, ACTOR, app.id, first))
    assert "one" in text_of(app.access_url)
    assert json.dumps(deployments.get(platform, ACTOR, app.id).sha) == json.dumps(first)


BROKEN = {"Procfile": "web: exit 7"}


def test_a_failed_redeploy_of_a_stopped_app_leaves_it_stopped(
    platform: Platform, mirror: Mirror
) -> None:
    url = mirror.add("site", page("one"))
    app = live.deploy(platform, deploy_spec(repository=url))
    live.run(platform, deployments.stop(platform, ACTOR, app.id))
    mirror.add("site", {**page("two"), **BROKEN})
    live.run(platform, deployments.redeploy(platform, ACTOR, app.id))
    assert deployments.get(platform, ACTOR, app.id).state is AppState.STOPPED
    with pytest.raises(requests.ConnectionError):
        text_of(app.access_url)


def test_a_redeploy_that_fails_after_the_guest_was_lost_pretends_nothing(
    platform: Platform, mirror: Mirror
) -> None:
    url = mirror.add("site", page("one"))
    app = live.deploy(platform, deploy_spec(repository=url))
    live.kill_guests(platform)
    shutil.rmtree(platform.folder("guests") / live.guest_folders(platform)[0])
    mirror.add("site", {**page("two"), **BROKEN})
    live.run(platform, deployments.redeploy(platform, ACTOR, app.id))
    found = deployments.get(platform, ACTOR, app.id)
    assert (found.state, found.access_url) == (AppState.FAILED, None)
    assert live.guest_folders(platform) == []


def test_failed_releases_do_not_crowd_out_those_that_served(
    platform: Platform, mirror: Mirror
) -> None:
    url = mirror.add("site", page("one"))
    app = live.deploy(platform, deploy_spec(repository=url))
    mirror.add("site", {**page("two"), **BROKEN})
    for _ in range(platform.settings.releases_kept + 1):
        live.run(platform, deployments.redeploy(platform, ACTOR, app.id))
    assert len(list((platform.folder("releases") / app.id).iterdir())) == 1
    assert "one" in text_of(app.access_url)
