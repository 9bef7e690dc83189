"""What people typed: nothing invisible passes for text, and nothing in it turns the words beside it."""

import pytest

from app.domain.typed import tidy


@pytest.mark.parametrize("text", [None, "", " \n", "\u202e\u200b", "\u00a0\u2800", "\u3164", "\u0301\ufe0f", "\u200f"])
def test_text_that_shows_nothing_is_nothing(text: str | None) -> None:
    assert tidy(text) == ""


def test_direction_marks_are_taken_out_and_everything_else_stays() -> None:
    marks = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    assert tidy(f" Rota{marks} published\n\u2022 twice ") == "Rota published\n\u2022 twice"


@pytest.mark.parametrize("text", ["שלום", "مرحبا بكم", "می\u200cخواهم", "👨\u200d👩\u200d👧", "?", "e\u0301"])
def test_letters_read_from_the_right_and_joiners_stay_as_typed(text: str) -> None:
    assert tidy(text) == text
