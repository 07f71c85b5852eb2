"""Secrets do not reach the log, wherever they stand in it."""

from paas.engine.redact import HIDDEN, PIECE, Redactor


def test_a_secret_is_hidden_and_the_rest_stays() -> None:
    assert Redactor(["hunter2x"]).feed("s", "password=hunter2x!") == [f"password={HIDDEN}!"]


def test_a_secret_that_contains_another_leaves_no_part_behind() -> None:
    redactor = Redactor(["secret", "secret-longer"])
    assert redactor.feed("s", "a secret-longer b") == [f"a {HIDDEN} b"]


def test_each_line_of_a_secret_of_several_lines_is_hidden() -> None:
    assert Redactor(["first-line\nsecond-line"]).feed("s", "x second-line") == [f"x {HIDDEN}"]


def test_a_secret_across_the_cut_of_a_long_line_is_hidden() -> None:
    secret = "0123456789abcdef"
    for cut_at in range(1, len(secret)):
        redactor = Redactor([secret])
        first = "x" * (PIECE - cut_at) + secret[:cut_at]
        second = secret[cut_at:] + "end"
        whole = "".join(redactor.feed("s", first) + redactor.feed("s", second))
        assert whole == "x" * (PIECE - cut_at) + HIDDEN + "end"


def test_streams_are_cut_apart_from_each_other() -> None:
    redactor = Redactor(["0123456789"])
    redactor.feed("a", "x" * PIECE)
    assert redactor.feed("b", "hello") == ["hello"]


def test_short_values_are_no_secrets() -> None:
    assert Redactor(["1", "true"]).feed("s", "true 1") == ["true 1"]
