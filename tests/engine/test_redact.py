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


def test_pieces_of_a_line_are_cleaned_across_every_cut() -> None:
    secret = "abcdefgh-ijkl"
    for cut in range(len(secret) + 1):
        pieces = ["x" * (40 - cut) + secret[:cut], secret[cut:] + "y" * (40 - len(secret) + cut)]
        cleaned = Redactor([secret]).clean_pieces([*pieces, "z"], 40)
        assert "".join(cleaned) == "x" * (40 - cut) + HIDDEN + "y" * (40 - len(secret) + cut) + "z"
        assert len(cleaned) == 3


def test_a_secret_may_be_longer_than_a_piece() -> None:
    secret = "0123456789" * 3
    pieces = [secret[:10], secret[10:20], secret[20:] + ".", "end"]
    assert Redactor([secret]).clean_pieces(pieces, 10) == [HIDDEN, "", ".", "end"]


def test_the_end_of_a_last_piece_may_be_the_beginning_of_a_secret() -> None:
    redactor = Redactor(["abcdefgh"])
    for cut in range(1, 8):
        text = "x" * (20 - cut) + "abcdefgh"[:cut]
        assert redactor.clean_pieces([text], 20) == ["x" * (20 - cut) + HIDDEN]
    assert redactor.clean_pieces(["xxabc"], 20) == ["xxabc"]


def test_the_beginning_of_the_first_may_be_the_end_of_a_secret() -> None:
    redactor = Redactor(["abcdefgh-abcdefgh"])
    assert redactor.clean_pieces(["-abcdefgh x", "-abcdefgh x"], 99) == [
        f"{HIDDEN} x",
        "-abcdefgh x",
    ]
    assert redactor.clean_pieces(["efgh x"], 99) == ["efgh x"]


def test_secrets_that_overlap_are_one() -> None:
    redactor = Redactor(["abcabcab", "cabxyzzy"])
    assert redactor.clean_pieces(["", "1 abcabcabxyzzy 2"], 99) == ["", f"1 {HIDDEN} 2"]
