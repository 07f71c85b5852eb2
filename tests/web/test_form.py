import pytest

from paas.domain.errors import Invalid
from paas.domain.specs import Resources
from paas.web import form


def test_environment_lines() -> None:
    text = "A=1\r\n\r\n# a comment\n B = two words \nURL=postgres://u:p@h/d?x=y\nEMPTY=\n"
    assert form.environment(text) == {
        "A": "1",
        "B": "two words",
        "URL": "postgres://u:p@h/d?x=y",
        "EMPTY": "",
    }


def test_every_line_that_cannot_be_read_is_named() -> None:
    with pytest.raises(Invalid) as caught:
        form.environment("A=1\nnonsense\n=value\nA=2")
    assert caught.value.errors == [
        "Invalid environment. Line 2 is not of the form KEY=VALUE",
        "Invalid environment. Line 3 is not of the form KEY=VALUE",
        "Invalid environment. Line 4 sets A a second time",
    ]


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ("Invalid name. Must be 3-50 letters", "name"),
        ("The name 'memory' is taken by deployment 1, which is running.", "name"),
        ("Invalid GitHub URL", "github_url"),
        ("Invalid resources.memory. Must be a whole number", "memory"),
        ("Invalid environment. PORT is set by the platform; choose another name", "environment"),
        ("Invalid csrf_token", None),
        ("PHP is not installed on this machine", None),
    ],
)
def test_the_field_that_a_sentence_is_about(error: str, name: str | None) -> None:
    assert form.field_of(error) == name


def test_blank_fields_are_left_out() -> None:
    assert form.body(form.read({"name": " shop ", "branch": " "}), None) == {"name": "shop"}


def test_a_blank_resource_beside_others_takes_the_default() -> None:
    sent = form.body(form.read({"memory": "1024"}), Resources(2, 512, 10))
    assert sent == {"resources": {"cores": 2, "memory": 1024, "disk": 10}}


def test_what_is_no_number_is_left_to_the_rules() -> None:
    sent = form.body(form.read({"cores": "two", "port": "٣"}), None)
    assert sent == {"resources": {"cores": "two"}, "port": "٣"}


def test_the_folded_part_opens_when_something_in_it_is_filled_in_or_wrong() -> None:
    assert not form.DeployForm().advanced
    assert form.DeployForm({"branch": "main"}).advanced
    assert form.DeployForm(errors=("Invalid port. Must be a whole number",)).advanced
    assert not form.DeployForm({"name": "x"}, ("Invalid name.",)).advanced
