"""Searching: what is a question, and which parts of a text are its words."""

import pytest

from app.domain.searches import LONGEST, cut, excerpt, unfit, words_of


@pytest.mark.parametrize("asked", ["", "ab", " a b ", "%%%", "___", "x" * (LONGEST + 1), "abc\x00"])
def test_what_is_no_question_says_why(asked: str) -> None:
    assert unfit(asked)


@pytest.mark.parametrize("asked", ["abc", "a bc", "M-1", "50% of"])
def test_three_letters_or_figures_are_a_question(asked: str) -> None:
    assert unfit(asked) == ""


def test_words_are_marked_whatever_their_case_and_nothing_is_lost() -> None:
    pieces = cut("The ROTA, a rota (50%)", words_of("rota 50%"))
    assert [piece for piece, is_word in pieces if is_word] == ["ROTA", "rota", "50%"]
    assert "".join(piece for piece, _ in pieces) == "The ROTA, a rota (50%)"


def test_a_long_text_is_cut_to_where_the_words_stand() -> None:
    text = excerpt("before " * 60 + "the rota\nis  short " + "after " * 60, ["rota"])
    assert "the rota is short" in text
    assert text.startswith("…")
    assert text.endswith("…")
    assert len(text) < 290
