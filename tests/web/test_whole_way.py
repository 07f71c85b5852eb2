"""The real platform in a real browser: deploy through the form, watch, destroy."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from paas.running.sample import REPOSITORY, make_mirror
from tests.running.test_platform import Platform

# A deployment takes seconds; this is for a machine that does ten other things.
DEADLINE_MS = 300_000


@pytest.fixture
def platform_url(instance: Path) -> Iterator[str]:
    """``paas run`` on an instance of its own, with the Flask sample to be had."""
    mirror = make_mirror(instance.parent / "mirror")
    platform = Platform(instance, PAAS_GIT_MIRROR=str(mirror), PAAS_LOCAL_NETWORK="127.79.0.0/16")
    url = ""
    try:
        url = platform.wait_url()
        yield url
    finally:
        if url:
            destroy_all(url)
        platform.process.terminate()
        platform.process.wait(120)


def destroy_all(url: str) -> None:
    """Apps outlive their platform, so a test that failed midway must not leave any."""
    with urllib.request.urlopen(f"{url}/api/deployments") as answer:  # noqa: S310
        left = json.load(answer)["deployments"]
    for app in left:
        request = urllib.request.Request(f"{url}/api/deployments/{app['id']}", method="DELETE")  # noqa: S310
        urllib.request.urlopen(request).close()  # noqa: S310


@pytest.mark.usefixtures("browser_type_launch_args")
def test_deploy_watch_and_destroy(page: Page, platform_url: str) -> None:
    expect.set_options(timeout=DEADLINE_MS)
    page.goto(platform_url)
    page.get_by_label("Repository", exact=True).fill(REPOSITORY)
    page.get_by_label("Name", exact=True).fill("shop")
    page.get_by_label("Framework").select_option("flask")
    page.get_by_role("button", name="Deploy").click()

    log = page.get_by_role("log")
    expect(log.get_by_text("Make the guest")).to_be_visible()
    expect(page.locator("#stream")).to_have_text("live")
    expect(log.get_by_text("Apply complete!")).to_be_attached()
    expect(page.locator("#head .word")).to_have_text("running")
    expect(page.get_by_role("complementary").get_by_text("Finish")).to_be_visible()

    address = page.get_by_role("link", name="Open the app").get_attribute("href")
    assert address
    with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310
        assert answer.status == 200

    page.get_by_role("link", name="Destroy…").click()
    page.get_by_role("button", name="Destroy shop").click()
    expect(page.locator(".notes")).to_contain_text("shop is being destroyed.")
    expect(page.get_by_text("Nothing is deployed yet.")).to_be_visible()
