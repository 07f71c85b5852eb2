"""The pages of users, teams, apps and administrators in a real browser."""

from decimal import Decimal

import pyotp
import pytest
from playwright.sync_api import Page, Response, expect

from paas.domain.commerce import PlanSpec
from paas.domain.permissions import Role, Standing
from paas.domain.specs import AppSpec
from paas.engine.platform import Platform
from paas.services import actors, apps, plans, releases, second_factor, variables
from tests.services import people

expect.set_options(timeout=30_000)

LEAST_CONTRAST = 4.5
HEAVIEST_KB = 100
# For every element with text of its own: its colour against what lies behind it. Colours are
# painted and read back, because a style may be written in a way that only browsers compute.
CONTRASTS = """() => {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const painted = (layers) => {
    context.clearRect(0, 0, 1, 1);
    for (const layer of layers) { context.fillStyle = layer; context.fillRect(0, 0, 1, 1); }
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const light = (rgba) => {
    const [r, g, b] = rgba.map((n) => n / 255)
      .map((n) => (n <= 0.03928 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes]
      .filter((n) => n.nodeType === 3).map((n) => n.textContent).join("").trim();
    const unseen = !element.checkVisibility() || element.closest(".unseen, .skip, svg, option");
    if (!text || unseen) continue;
    const behind = [];
    for (let e = element; e; e = e.parentElement) {
      behind.unshift(getComputedStyle(e).backgroundColor);
    }
    const one = light(painted(behind));
    const other = light(painted([...behind, getComputedStyle(element).color]));
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    found.push([contrast, `${element.tagName} ${text.slice(0, 40)}`]);
  }
  return found;
}"""


@pytest.fixture
def shop(core: Platform) -> str:
    """The id of an app with a plan, two versions and a variable of which one is new."""
    me = actors.default(core)
    spec = PlanSpec("Tiny", "tiny", 0.5, 512, 10, 3, Decimal("0.01"))
    plan = plans.create(core, me, spec)
    spec = AppSpec("Shop", "shop", "https://github.com/acme/shop", plan=plan.id)
    app = apps.create(core, me, spec)
    releases.deploy(core, me, app.id)
    variables.set_variables(core, me, app.id, {"COLOUR": "red"})
    releases.deploy(core, me, app.id)
    return app.id


def sign_in(tab: Page, site: str, email: str) -> None:
    tab.goto(f"{site}/sign-in")
    tab.get_by_label("E-mail address").fill(email)
    tab.get_by_label("Password", exact=True).fill(people.PASSWORD)
    tab.get_by_role("button", name="Sign in", exact=True).click()


def paths(app_id: str) -> list[str]:
    return [
        *(f"/apps/{app_id}{view}" for view in ("/versions", "/environment", "/settings")),
        f"/apps/{app_id}/versions/1/rollback",
        *("/apps", "/apps/new", "/account", "/team", "/team/audit", "/usage", "/sign-in"),
        *("/admin", "/admin/apps", "/admin/tenants", "/admin/users", "/admin/plans"),
        *("/admin/plans/new", "/admin/settings", "/admin/usage", "/admin/audit"),
    ]


def test_the_second_factor_from_its_picture_to_the_next_sign_in(
    tab: Page, site: str, core: Platform
) -> None:
    email = people.add_user(core)
    sign_in(tab, site, email)
    tab.get_by_role("link", name=email).click()
    tab.get_by_role("button", name="Set it up").click()
    expect(tab.get_by_role("img", name="The secret as a picture")).to_be_visible()
    secret = tab.locator("main code").inner_text().replace(" ", "")
    totp, step = pyotp.TOTP(secret), second_factor.step_now()
    tab.get_by_label("Code").fill(totp.generate_otp(step - 1))
    tab.get_by_role("button", name="Switch it on").click()
    expect(tab.get_by_label("Recovery codes")).to_contain_text("-")
    tab.get_by_role("link", name="I have kept it").click()
    tab.get_by_role("button", name="Sign out").first.click()
    expect(tab.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(tab, site, email)
    expect(tab.get_by_label("Code")).to_be_focused()
    tab.keyboard.type(totp.generate_otp(second_factor.step_now()))
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("link", name=email)).to_be_visible()


def test_an_app_is_made_deployed_and_rolled_back_by_keyboard_alone(
    tab: Page, site: str, core: Platform
) -> None:
    tab.goto(f"{site}/apps/new")
    tab.keyboard.type("Shop")
    tab.keyboard.press("Tab")
    tab.keyboard.type("https://github.com/acme/shop")
    tab.keyboard.press("Enter")
    expect(tab.locator("#head .word")).to_have_text("running")
    reach(tab, "Environment")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", name="Environment variables")).to_be_visible()
    reach(tab, "COLOUR", field="key")
    tab.keyboard.type("COLOUR")
    tab.keyboard.press("Tab")
    tab.keyboard.type("red")
    reach(tab, "Keep")
    tab.keyboard.press("Enter")
    expect(tab.locator(".notes")).to_contain_text("COLOUR: kept.")
    reach(tab, "Redeploy")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("The newest commit is being deployed.")).to_be_visible()
    reach(tab, "Versions")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("link", name="Roll back… to version 1")).to_be_visible()
    reach(tab, "Roll back… to version 1")
    tab.keyboard.press("Enter")
    expect(tab.locator(".diff")).to_contain_text("COLOUR")
    reach(tab, "Roll back to version 1")
    tab.keyboard.press("Enter")
    expect(tab.locator(".notes")).to_contain_text("Version 1 is being brought back.")


def reach(tab: Page, words: str, *, field: str = "") -> None:
    """Press Tab until a control of this name, or this field, has the focus, which is seen."""
    for _ in range(80):
        tab.keyboard.press("Tab")
        found = tab.evaluate(
            """() => {
                const e = document.activeElement;
                const seen = getComputedStyle(e).outlineStyle !== "none";
                return [e.textContent.replace(/\\s+/g, " ").trim(), e.id, seen];
            }"""
        )
        if field == found[1] if field else found[0] == words:
            assert found[2], f"the focus on {words} is not seen"
            return
    pytest.fail(f"the keyboard does not reach {words}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_readable_light_and_small(
    tab: Page, site: str, core: Platform, shop: str, scheme: str
) -> None:
    weights: list[int] = []

    def weigh(response: Response) -> None:
        if response.request.resource_type in ("document", "script", "stylesheet", "image"):
            weights.append(len(response.body()) if response.status == 200 else 0)

    sign_in(tab, site, people.add_user(core, role=Role.ADMIN, standing=Standing.OWNER))
    expect(tab.get_by_role("link", name="Administration")).to_be_visible()
    tab.emulate_media(color_scheme=scheme)
    tab.on("response", weigh)
    for path in paths(shop):
        weights.clear()
        tab.goto(site + path)
        dim = [one for one in tab.evaluate(CONTRASTS) if one[0] < LEAST_CONTRAST]
        assert not dim, f"{path}: {dim}"
        assert sum(weights) < HEAVIEST_KB * 1024, path
        tab.set_viewport_size({"width": 320, "height": 800})
        assert tab.evaluate("document.documentElement.scrollWidth") <= 320, path
        tab.set_viewport_size({"width": 1280, "height": 800})


def test_every_control_has_a_name_and_every_page_its_landmarks(
    tab: Page, site: str, core: Platform, shop: str
) -> None:
    sign_in(tab, site, people.add_user(core, role=Role.ADMIN, standing=Standing.OWNER))
    expect(tab.get_by_role("link", name="Administration")).to_be_visible()
    for path in paths(shop):
        tab.goto(site + path)
        nameless = tab.evaluate(
            """() => [...document.querySelectorAll("input, select, textarea, button, meter")]
                .filter((e) => e.type !== "hidden" && !e.closest("[aria-hidden]"))
                .filter((e) => !e.labels?.length && !e.getAttribute("aria-label")
                    && !e.textContent.trim())
                .map((e) => e.outerHTML)"""
        )
        assert not nameless, f"{path}: {nameless}"
        twice = tab.evaluate(
            """() => [...document.querySelectorAll("[id]")].map((e) => e.id)
                .filter((id, index, all) => all.indexOf(id) !== index)"""
        )
        assert not twice, f"{path}: {twice}"
        assert tab.locator("main h1").count() == 1, path
        assert tab.locator("html").get_attribute("lang") == "en"
