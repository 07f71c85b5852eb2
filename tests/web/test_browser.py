"""The pages in a real browser: what the scripts add, and that the policy holds."""

import json
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from paas.engine.platform import Platform
from paas.store.events import entry
from paas.web import ansi
from tests.api.support import InstantWorker, NoGuests, body, wrote
from tests.web.support import add_app, add_events
from tests.web.test_ansi import CORPUS

expect.set_options(timeout=30_000)


def test_deploy_through_the_form_and_destroy_through_the_dialog(tab: Page, site: str) -> None:
    tab.goto(site)
    tab.get_by_label("Repository", exact=True).fill("https://github.com/acme/shop")
    tab.get_by_label("Name", exact=True).fill("shop")
    tab.get_by_label("Framework").select_option("flask")
    tab.get_by_role("button", name="Deploy").click()
    expect(tab.get_by_role("heading", name="shop", exact=True)).to_be_visible()
    expect(tab.locator("#head .word")).to_have_text("running")
    tab.get_by_role("link", name="Destroy…").click()
    dialog = tab.get_by_role("dialog")
    expect(dialog).to_contain_text("This cannot be undone")
    tab.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    tab.get_by_role("link", name="Destroy…").click()
    dialog.get_by_role("button", name="Destroy shop").click()
    expect(tab.locator(".notes")).to_contain_text("shop is being destroyed.")
    expect(tab.locator(".apps")).to_have_count(0)


def test_what_was_said_goes_when_it_is_no_longer_so(
    tab: Page, site: str, core: Platform, worker: InstantWorker
) -> None:
    app_id = add_app(core, name="shop", slug="shop", state="running")
    worker.asleep = True
    tab.goto(f"{site}/apps/{app_id}")
    tab.get_by_role("button", name="Stop").click()
    expect(tab.get_by_text("The app is being stopped.")).to_be_visible()
    expect(tab.locator("#head .word")).to_have_text("stopping")
    add_events(core, app_id, ends=True)
    expect(tab.locator("#head .word")).to_have_text("running")
    expect(tab.get_by_text("The app is being stopped.")).to_have_count(0)


def test_errors_take_the_focus(page: Page, site: str) -> None:
    page.goto(site)
    page.get_by_label("Repository", exact=True).fill("https://example.org/acme/shop")
    page.get_by_label("Name", exact=True).fill("shop")
    page.get_by_label("Framework").select_option("flask")
    page.get_by_role("button", name="Deploy").click()
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("Name", exact=True)).to_have_value("shop")


def test_the_list_follows_what_happens(
    tab: Page, site: str, core: Platform, client: FlaskClient
) -> None:
    tab.goto(site)
    tab.get_by_label("Name", exact=True).fill("half-typed")
    app_id = add_app(core, operation="deploy", name="shop", slug="shop", state="deploying")
    row = tab.locator(f"#app-{app_id}")
    expect(row.locator(".word")).to_have_text("deploying")
    row.get_by_role("link", name="shop").focus()
    add_events(core, app_id, ends=True)
    expect(row.locator(".word")).to_have_text("running")
    expect(row.get_by_role("link", name="shop")).to_be_focused()
    expect(tab.get_by_role("status")).to_have_text("shop: running")
    expect(tab.get_by_label("Name", exact=True)).to_have_value("half-typed")


def test_the_log_streams_and_goes_on_where_it_stopped(tab: Page, site: str, core: Platform) -> None:
    first = [entry("log", "git", f"line {n}") for n in range(200)]
    app_id = add_app(core, *first, operation="deploy", state="deploying")
    tab.goto(f"{site}/apps/{app_id}")
    log = tab.get_by_role("log")
    expect(tab.locator("#stream")).to_have_text("live")
    add_events(core, app_id, entry("log", "terraform", "\x1b[32m<b>new</b>\x1b[0m"))
    line = log.locator("p.s-terraform")
    expect(line.locator(".c2")).to_have_text("<b>new</b>")
    expect(line).to_be_in_viewport()

    log.evaluate("log => { log.scrollTop = 0; }")
    follow = tab.get_by_role("button", name="Go to the newest line")
    expect(follow).to_be_visible()
    add_events(core, app_id, entry("log", "ansible", "far below"))
    expect(log.get_by_text("far below")).to_be_attached()
    assert log.evaluate("log => log.scrollTop") == 0
    follow.click()
    expect(log.get_by_text("far below")).to_be_in_viewport()

    add_events(core, app_id, entry("log", "platform", "the end"), ends=True)
    expect(tab.locator("#head .word")).to_have_text("running")
    expect(log.get_by_text("the end")).to_be_attached()
    expect(tab.locator("#stream")).to_have_text("")
    texts = log.locator("p > span").all_text_contents()
    assert texts == [f"line {n}" for n in range(200)] + ["<b>new</b>", "far below", "the end"]


def test_a_stream_that_broke_goes_on_after_the_last_line(
    page: Page, site: str, core: Platform
) -> None:
    app_id = add_app(core, entry("log", "git", "one"), operation="deploy", state="deploying")
    asked: list[str] = []
    page.on(
        "request",
        lambda request: (
            asked.append(request.headers["last-event-id"])
            if request.url.endswith("/events")
            else None
        ),
    )
    body = json.dumps({"seq": 3, "kind": "log", "stream": "git", "text": "two"})
    page.route(
        "**/events",
        lambda route: route.fulfill(
            status=200, content_type="text/event-stream", body=f"id: 3\ndata: {body}\n\nid: 4\nda"
        ),
        times=1,
    )
    add_events(core, app_id, entry("log", "git", "two"))
    page.goto(f"{site}/apps/{app_id}")
    add_events(core, app_id, entry("log", "git", "three"))
    expect(page.get_by_role("log").get_by_text("three")).to_be_attached()
    assert page.get_by_role("log").locator("p > span").all_text_contents() == [
        "one",
        "two",
        "three",
    ]
    assert asked[:2] == ["3", "3"]


def test_the_output_of_the_app_streams(
    tab: Page, site: str, client: FlaskClient, target: NoGuests
) -> None:
    target.wrote = [wrote(n) for n in range(60)]
    answer = client.post("/api/deploy", json=body(name="shop"))
    tab.goto(f"{site}/apps/{answer.json['deployment']['id']}/output")
    log = tab.get_by_role("log")
    expect(tab.locator("#stream")).to_have_text("live")
    target.wrote += [wrote(60), wrote(61), replace(wrote(61), text="\x1b[32m<b>again</b>\x1b[0m")]
    expect(log.locator(".c2")).to_have_text("<b>again</b>")
    expect(log.locator(".c2")).to_be_in_viewport()
    texts = log.locator("p > span").all_text_contents()
    assert texts == [f"line {n}" for n in range(62)] + ["<b>again</b>"]

    tab.keyboard.press("/")
    tab.keyboard.type("line 6")
    tab.keyboard.press("Enter")
    expect(log.locator("p > span")).to_have_text(["line 6", "line 60", "line 61"])
    expect(tab.locator("#stream")).to_have_text("live")
    target.wrote += [
        wrote(62),
        replace(wrote(63), text="another"),
        replace(wrote(64), text="line 6x"),
    ]
    expect(log.locator("p > span")).to_have_text(
        ["line 6", "line 60", "line 61", "line 62", "line 6x"]
    )


def test_output_that_cannot_come_is_said(
    page: Page, site: str, client: FlaskClient, target: NoGuests
) -> None:
    answer = client.post("/api/deploy", json=body(name="shop"))
    page.goto(f"{site}/apps/{answer.json['deployment']['id']}/output")
    expect(page.locator("#stream")).to_have_text("live")
    target.away = "Node pve1 is offline"
    expect(page.locator("#stream")).to_have_text("Node pve1 is offline")
    target.away = ""
    target.wrote += [replace(wrote(20), text="back")]
    expect(page.get_by_role("log").get_by_text("back")).to_be_attached()
    assert page.get_by_role("log").locator("p").count() == 21


def test_the_browser_colours_lines_as_the_server_does(tab: Page, site: str) -> None:
    tab.goto(f"{site}/sign-in")
    shown = tab.evaluate(
        """async (lines) => {
            const { ansi } = await import("/assets/log.js");
            return lines.map((line) => ansi(line).innerHTML);
        }""",
        list(CORPUS),
    )
    # innerHTML writes quotes as they are, where the server escapes them too.
    assert shown == [
        str(ansi.to_html(line)).replace("&#34;", '"').replace("&#39;", "'") for line in CORPUS
    ]


def test_the_keyboard_reaches_the_content_and_the_search(tab: Page, site: str) -> None:
    tab.goto(site)
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("link", name="Skip to the content")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.locator("#main")).to_be_focused()
    tab.keyboard.press("/")
    expect(tab.get_by_role("searchbox")).to_be_focused()
    tab.keyboard.type("a/b")
    expect(tab.get_by_role("searchbox")).to_have_value("a/b")


def test_the_theme_is_remembered(tab: Page, site: str) -> None:
    tab.emulate_media(color_scheme="light")
    tab.goto(site)
    paper = "getComputedStyle(document.body).backgroundColor"
    light = tab.evaluate(paper)
    tab.get_by_role("button", name="Change between light and dark").click()
    dark = tab.evaluate(paper)
    assert dark != light
    tab.reload()
    assert tab.evaluate(paper) == dark
    tab.get_by_role("button", name="Change between light and dark").click()
    assert tab.evaluate("document.documentElement.dataset.theme") is None
    tab.emulate_media(color_scheme="dark")
    assert tab.evaluate(paper) == dark


def test_an_absent_platform_is_said(page: Page, site: str) -> None:
    page.goto(site)
    page.route("**/live", lambda route: route.abort())
    expect(page.locator("#away")).to_be_visible()
    page.unroute("**/live")
    expect(page.locator("#away")).to_be_hidden()


@pytest.mark.parametrize("width", [320, 360, 768, 1600])
def test_nothing_is_wider_than_the_window(
    tab: Page, site: str, core: Platform, worker: InstantWorker, width: int
) -> None:
    long = "x" * 400
    app_id = add_app(
        core,
        entry("log", "git", long),
        name="a-name-of-fifty-letters-that-goes-on-and-on-and-on",
        slug="long",
        repository=f"https://github.com/acme/{'very-' * 19}long",
        state="failed",
        error_message=f"The branch '{long}' does not exist.",
    )
    tab.set_viewport_size({"width": width, "height": 800})
    for path in (
        "/",
        f"/apps/{app_id}",
        f"/apps/{app_id}/output",
        f"/apps/{app_id}/guest",
        f"/apps/{app_id}/versions",
        f"/apps/{app_id}/environment",
        f"/apps/{app_id}/settings",
        "/apps",
        "/apps/new",
        "/sign-in",
        "/forgotten",
    ):
        tab.goto(site + path)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_the_queue_s_dashboard_works_under_its_policy(tab: Page, site: str) -> None:
    for view in ("queues", "workers", "jobs"):
        tab.goto(f"{site}/rq/0/view/{view}")
        expect(tab.get_by_text("Loading...")).to_have_count(0)
    tab.get_by_role("link", name="← Deployments").click()
    expect(tab.get_by_role("link", name="Queue")).to_be_visible()
