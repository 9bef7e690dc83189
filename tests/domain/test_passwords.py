"""What a password must be."""

import pytest

from app.domain.passwords import check_password, is_common, normalise
from app.domain.refusals import Invalid

EMAIL = "jo.smith@haringey.gov.uk"


@pytest.mark.parametrize(
    "good",
    [
        "correct horse of Tottenham",
        "seven sails over marsh",
        "k3#Vq9!zTw0p",
        "zwölf Züge fahren",
        "jo.smith likes long walks by the sea",
        "日本語のパスワードは長い方が良い",
        "a" * 60 + "bcd" * 20 + "efghijk",
    ],
)
def test_a_long_uncommon_password_will_do(good: str) -> None:
    assert check_password(good, email=EMAIL) == normalise(good)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("", "too_short"),
        ("elevenchars", "too_short"),
        ("x" * 129, "too_long"),
        ("passwordpassword", "common"),
        ("Password1234!", "common"),
        ("P A S S W O R D 1 2 3 4", "common"),
        ("qwertyuiop12345678", "common"),
        ("123456789012", "common"),
        ("Haringey2026!!", "common"),
        ("waymark-waymark", "common"),
        ("letmein12345678", "common"),
        ("correct horse battery staple", "common"),
        ("aaaaaaaaaaaaaaa", "common"),
        ("abababababababab", "common"),
        ("abcdabcdabcdabcd", "common"),
        ("jo.smith12345", "names_account"),
        ("JoSmith!JoSmith1", "names_account"),
        ("jo.smith@haringey.gov.uk", "names_account"),
    ],
)
def test_what_is_wrong_with_a_password_is_said(bad: str, code: str) -> None:
    with pytest.raises(Invalid) as error:
        check_password(bad, email=EMAIL)
    assert [(found.name, found.code) for found in error.value.errors] == [("password", code)]


def test_length_is_counted_after_normalising() -> None:
    ligatures = "ﬁﬁﬁﬁﬁﬁ"  # six characters that are twelve letters on the keyboard

    assert normalise(ligatures) == "fi" * 6
    with pytest.raises(Invalid):
        check_password("A\u030a" * 6, email=EMAIL)  # twelve code points that are six letters


def test_the_list_is_long_and_ours() -> None:
    assert is_common("correcthorsebatterystaple")
    assert is_common("safeguardingplan2009")
    assert not is_common("correct horse of Tottenham")
