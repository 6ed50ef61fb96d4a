"""Credit codes: what any registrar gives is taken, and no code with one wrong character is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duban.commons.register.codes import ALPHABET, body_check, credit_code_fault, last_check, normal_credit_code

REGISTRARS = "123456789ANY"


def make_code(registrar: str, kind: str, county: str, body: str) -> str:
    seventeen = f"{registrar}{kind}{county}{body}{body_check(body)}"
    return seventeen + last_check(seventeen)


CODES = st.builds(
    make_code,
    st.sampled_from(REGISTRARS),
    st.sampled_from("12359"),
    st.from_regex(r"\A[1-6][0-9]{5}\Z"),
    st.text(ALPHABET, min_size=8, max_size=8),
)


@pytest.mark.parametrize(
    "code", ["9144030071526726XG", "914403001922038216", "91330100799655058B", "91110108551385082Q"]
)
def test_codes_that_companies_publish(code: str) -> None:
    assert credit_code_fault(code) is None


@given(CODES)
def test_every_registrar_is_taken(code: str) -> None:
    assert credit_code_fault(code) is None
    assert credit_code_fault(normal_credit_code(f" {code[:8].lower()}-{code[8:]} ")) is None


@settings(max_examples=200)
@given(CODES, st.integers(0, 17), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
def test_one_wrong_character_is_never_taken(code: str, place: int, character: str) -> None:
    wrong = code[:place] + character + code[place + 1 :]
    assert (credit_code_fault(wrong) is None) == (wrong == code)


def test_ten_thousand_wrong_characters() -> None:
    tried = 0
    for number in range(20):
        code = make_code(REGISTRARS[number % 12], "1", f"{110101 + number}", f"MA00{number:04d}")
        for place in range(18):
            for character in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ":
                wrong = code[:place] + character + code[place + 1 :]
                if wrong != code:
                    tried += 1
                    assert credit_code_fault(wrong) is not None, wrong
    assert tried > 10_000


@pytest.mark.parametrize("code", ["", "1234", "９" * 17, "91110000100003962TT", "A" * 18, "\x00" * 18])
def test_what_is_no_code(code: str) -> None:
    assert credit_code_fault(code) in {"code_length", "code_shape"}
