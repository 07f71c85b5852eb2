"""What passwords and addresses must be."""

import pytest
from argon2 import PasswordHasher, extract_parameters

from paas.domain import emails
from paas.domain.errors import Invalid
from paas.domain.passwords import COMMON, SHORTEST, refusals
from paas.services import passwords

EMAIL = "somebody@example.com"


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("nine char", "at least 10"),
        ("x" * 201, "at most 200"),
        ("Password123", "tried first"),
        ("aaaaaaaaaaaa", "tried first"),
        ("          ", "tried first"),
        ("Somebody@example.com", "must not be the e-mail"),
    ],
)
def test_a_password_that_would_be_guessed_is_refused(password: str, says: str) -> None:
    (sentence,) = refusals(password, EMAIL)
    assert says in sentence
    with pytest.raises(Invalid):
        passwords.accept(password, EMAIL)


@pytest.mark.parametrize("password", ["ten chars!", "correct horse", "ключ и замок", "x1y" * 66])
def test_any_other_is_taken(password: str) -> None:
    assert refusals(password, EMAIL) == []


def test_the_common_ones_are_those_that_length_does_not_refuse() -> None:
    assert all(len(one) >= SHORTEST and one == one.lower() for one in COMMON)


def test_a_hash_is_argon2id_of_the_chosen_strength() -> None:
    kept = passwords.hashed("a good password")
    found = extract_parameters(kept)
    assert (found.memory_cost, found.time_cost, found.parallelism) == (19456, 2, 1)
    assert kept.startswith("$argon2id$")
    assert passwords.matches(kept, "a good password")
    assert not passwords.matches(kept, "another password")
    assert not passwords.outgrown(kept)


def test_who_does_not_exist_costs_as_much_work_as_who_does() -> None:
    assert not passwords.outgrown(passwords.NOBODY)
    assert not passwords.matches(None, "anything")


def test_a_hash_that_is_none_matches_nothing() -> None:
    assert not passwords.matches("rubbish", "rubbish")


def test_the_same_letters_are_the_same_password_however_they_are_typed() -> None:
    assert passwords.matches(passwords.hashed("pa\u00dfw\u00f6rter"), "pa\u00dfwo\u0308rter")


def test_weaker_figures_are_outgrown() -> None:
    assert passwords.outgrown(PasswordHasher(time_cost=1, memory_cost=1024).hash("x"))


def test_an_address_has_one_spelling() -> None:
    assert emails.parse("  Ada@Example.COM ") == "ada@example.com"
    assert emails.parse("admin@localhost") == "admin@localhost"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@x.y",
        "a b@x.y",
        "a@x..y",
        "a@-x.y",
        "a@x.y\nBcc: b@x.y",
        "ä@x.y",
        "a" * 250 + "@x.yz",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        emails.parse(text)


@pytest.mark.parametrize("text", ["Paas <paas@example.com>", "paas@example.com"])
def test_a_sender_may_have_a_name(text: str) -> None:
    assert emails.parse_sender(text) == text


def test_a_sender_without_an_address_is_refused() -> None:
    with pytest.raises(ValueError):
        emails.parse_sender("Paas")
