"""The status page without scripts: what it shows, and its form."""

import pytest
from flask.testing import FlaskClient

from paas.engine.plans import steps_total
from paas.engine.platform import Platform
from paas.services import actors, deployments
from paas.store.models import Operation, Step
from paas.web.overview import PAGE_SIZE
from tests.api.support import InstantWorker
from tests.web.support import add_app, form, read, send

HOSTILE = "\"'><script>alert(1)</script>"


def names(html: str) -> list[str]:
    return [
        attrs["data-name"] for tag, attrs in read(html).tags if tag == "li" and "data-name" in attrs
    ]


def typed(**changes: str) -> dict[str, str]:
    given = {
        "name": "shop",
        "framework": "flask",
        "github_url": "https://github.com/acme/shop",
    }
    return {**given, **changes}


def app_id_of(location: str) -> str:
    return location.partition("#")[0].rpartition("/")[2]


def test_without_deployments_the_page_says_what_to_do(client: FlaskClient) -> None:
    page = client.get("/").text
    assert "Give the form a repository" in page
    assert form(page, "/").fields["csrf_token"]


def test_totals_and_deployments_are_shown(client: FlaskClient, core: Platform) -> None:
    add_app(core, name="library", slug="library", state="running")
    add_app(core, state="failed", error_message="The branch 'mian' does not exist.")
    page = client.get("/").text
    assert ">library</a>" in page
    assert "The branch &#39;mian&#39; does not exist." in page
    assert "50.0<small> %" in page


def test_the_running_step_is_shown_with_a_bar(client: FlaskClient, core: Platform) -> None:
    add_app(core, operation="deploy", state="provisioning")
    with core.store.write() as session:
        operation = session.query(Operation).one()
        session.add(Step(operation_id=operation.id, name="provision", position=3, state="started"))
    page = client.get("/").text
    assert "making its guest" in page
    bar = next(attrs for _, attrs in read(page).tags if attrs.get("role") == "progressbar")
    assert bar["aria-valuetext"] == f"Make the guest, step 3 of {steps_total('deploy', {})}"


def test_search_and_state_narrow_the_list(client: FlaskClient, core: Platform) -> None:
    for name, state in (("shop-a", "running"), ("shop-b", "failed"), ("wiki", "running")):
        add_app(core, name=name, slug=name, state=state)
    assert names(client.get("/?search=shop").text) == ["shop-b", "shop-a"]
    assert names(client.get("/?search=shop&state=failed").text) == ["shop-b"]
    nothing = client.get("/?search=nothing").text
    assert "Nothing fits" in nothing
    assert 'value="nothing"' in nothing


def test_unknown_states_and_broken_cursors_ask_for_everything(
    client: FlaskClient, core: Platform
) -> None:
    add_app(core, name="shop", slug="shop")
    assert names(client.get("/?state=deleted&cursor=x'--").text) == ["shop"]


def test_pages_lead_from_the_newest_to_the_oldest(client: FlaskClient, core: Platform) -> None:
    for number in range(PAGE_SIZE + 1):
        add_app(core, name=f"app-{number}", slug=f"app-{number}")
    first = client.get("/?search=app").text
    older = next(attrs for tag, attrs in read(first).tags if attrs.get("rel") == "next")
    second = client.get(older["href"]).text
    assert [*names(first), *names(second)] == [f"app-{n}" for n in range(PAGE_SIZE, -1, -1)]
    assert any(attrs.get("rel") == "first" for _, attrs in read(second).tags)


def test_the_form_deploys_and_leads_to_the_deployment(client: FlaskClient, core: Platform) -> None:
    answer = send(
        client,
        "/",
        "/",
        **typed(environment="A=1\nB=two", memory="1024", branch="main", port="8080"),
    )
    assert answer.status_code == 303
    page = client.get(answer.location).text
    assert "shop is accepted and being deployed." in page
    app = deployments.get(core, actors.default(core), app_id_of(answer.location))
    assert (app.name, app.branch, app.port, app.resources.memory) == ("shop", "main", 8080, 1024)


def test_the_same_form_sent_twice_is_one_deployment(client: FlaskClient) -> None:
    found = form(client.get("/").text, "/")
    data = {**found.fields, **typed()}
    first, second = client.post("/", data=data), client.post("/", data=data)
    assert first.location == second.location
    other = client.post("/", data={**data, "branch": "next"})
    assert other.status_code == 409
    assert "Send it again to deploy these" in other.text


def test_every_broken_rule_is_shown_and_what_was_typed_is_kept(client: FlaskClient) -> None:
    answer = send(
        client,
        "/",
        "/",
        **typed(
            name="-",
            github_url="https://example.org/a",
            cores="99",
            environment="A=1\nnonsense",
            start_command="run\x07",
        ),
    )
    assert answer.status_code == 400
    page = answer.text
    for sentence in (
        "Invalid name.",
        "Invalid GitHub URL",
        "Invalid resources.cores.",
        "Invalid environment. Line 2 is not of the form KEY=VALUE",
        "Invalid start_command.",
    ):
        assert sentence in page
    kept = form(page, "/").fields
    assert (kept["cores"], kept["github_url"]) == ("99", "https://example.org/a")
    assert kept["environment"] == "A=1\nnonsense"
    wrong = {attrs["name"] for _, attrs in read(page).tags if attrs.get("aria-invalid") == "true"}
    assert wrong == {"name", "github_url", "cores", "environment", "start_command"}
    assert any(tag == "details" and "open" in attrs for tag, attrs in read(page).tags)


def test_a_taken_name_is_refused_with_its_holder(client: FlaskClient) -> None:
    send(client, "/", "/", **typed())
    answer = send(client, "/", "/", **typed())
    assert answer.status_code == 400
    assert "The name &#39;shop&#39; is taken by deployment" in answer.text


def test_a_framework_that_this_machine_lacks_is_refused_in_words(client: FlaskClient) -> None:
    answer = send(client, "/", "/", **typed(framework="php"))
    assert answer.status_code == 400
    assert "PHP is not installed on this machine" in answer.text


@pytest.mark.parametrize(
    "name", ["name", "github_url", "branch", "environment", "cores", "port", "health_path"]
)
def test_hostile_text_in_a_field_comes_back_as_text(client: FlaskClient, name: str) -> None:
    answer = send(client, "/", "/", **typed(**{name: HOSTILE}))
    assert answer.status_code == 400
    assert "<script>alert" not in answer.text
    assert form(answer.text, "/").fields[name] == HOSTILE


def test_hostile_text_in_the_search_comes_back_as_text(client: FlaskClient) -> None:
    page = client.get("/", query_string={"search": HOSTILE, "cursor": HOSTILE, "state": HOSTILE})
    assert "<script>alert" not in page.text


def test_hostile_text_of_a_deployment_is_text(client: FlaskClient, core: Platform) -> None:
    add_app(
        core,
        name=HOSTILE,
        slug="x",
        repository=f"https://github.com/{HOSTILE}",
        framework=HOSTILE,
        state="failed",
        error_message=HOSTILE,
    )
    assert "<script>alert" not in client.get("/").text


def test_the_moving_part_is_the_same_as_on_the_page(
    client: FlaskClient, core: Platform, worker: InstantWorker
) -> None:
    worker.asleep = True
    send(client, "/", "/", **typed())
    part = client.get("/live").text
    assert names(part) == ["shop"]
    assert "<html" not in part
    assert {attrs["id"] for _, attrs in read(part).tags if "data-part" in attrs} == {
        "totals",
        "apps",
    }


def test_the_first_load_is_small(client: FlaskClient, core: Platform) -> None:
    for number in range(PAGE_SIZE):
        add_app(core, name=f"app-{number}", slug=f"app-{number}", state="running")
    page = client.get("/")
    assets = {
        attrs.get("src") or attrs.get("href", "")
        for tag, attrs in read(page.text).tags
        if tag in ("script", "link")
    }
    sizes = [len(client.get(url).data) for url in assets if url.startswith("/assets/")]
    assert sum(sizes) + len(client.get("/assets/log.js").data) + len(page.data) < 60 * 1024
