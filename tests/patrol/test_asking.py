"""Which questions are asked, and which answers can be answers."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duban.patrol.asking import BadAnswer, asked, check_value, choices_for, in_force
from duban.patrol.expressions import BadExpression, Scope, read_expression
from duban.patrol.models import Choice, Item

ANSWERS = {"a": "1", "b": "", "many": "red green", "day": "2021-01-18", "masks": "fail", "n": "12", "text": "朝阳 区"}
TRUE = """
${a} = 1
${a} = '1'
${b} = ''
not(${b})
${nothing} = ''
${masks} = 'fail' and ${a} = 1
${masks} = "pass" or ${a} = 1
selected(${many}, 'red')
not(selected(${many}, 'gree'))
count-selected(${many}) = 2
${n} > 9
${n} >= 12 and ${n} <= 12
${n} + 1 = 13
${n} - 2 * 5 = 2
(${n} - 2) * 5 = 50
-${n} = -12
- -3 = 3
${n} div 5 = 2.4
${n} mod 5 = 2
int(${n} div 5) = 2
${day} > '2021-01-17'
${day} >= date('2021-01-18')
string-length(${text}) = 4
contains(${text}, '阳')
starts-with(${text}, '朝')
concat('a', 1, true()) = 'a1true'
coalesce(${b}, ${a}) = 1
if(${a} = 1, 'yes', 'no') = 'yes'
1 < 2 = true()
true() != false()
.5 + 5. = 5.5
1 div 0 > 999999
not(0 div 0 = 0 div 0)
1=1 and 2=2 and 3=3 or 4=5
""".strip().splitlines()
UNSUPPORTED = """
pulldata('a', 'b', 'c', 'd')
today() > ${day}
regex(., '(a+)+$')
/data/a = 1
../a = 1
${a} = 1 |
${a} ==  1
(${a}
${a})
selected(${many})
not()
'open
${a
and
a-b(1)
1 2
position(..)
instance('x')/data/item[name = 'y']
__import__('os')
""".strip().splitlines()


def scope(answers: dict[str, str] = ANSWERS, **more: Any) -> Scope:
    return Scope(lambda key: answers.get(key, ""), **more)


@pytest.mark.parametrize("text", TRUE)
def test_what_holds(text: str) -> None:
    assert read_expression(text).holds(scope())
    assert not read_expression(f"not({text})").holds(scope())


@pytest.mark.parametrize("text", ["", *UNSUPPORTED, "(" * 500 + "1" + ")" * 500, "1 + " * 900 + "1"])
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(BadExpression) as refusal:
        read_expression(text)
    assert refusal.value.code == "expression_unsupported"


@given(st.text(alphabet="${}ab'\"().,<>=!+-*0123456789 \n\tornd", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        expression = read_expression(text)
    except BadExpression:
        return
    assert expression.holds(scope()) in (True, False)


@given(st.text(max_size=200))
def test_an_answer_never_breaks_a_comparison(text: str) -> None:
    for condition in ("${x} = 1", "${x} < 2", "int(${x}) mod 2 = 1", "selected(${x}, 'a')"):
        assert read_expression(condition).holds(scope({"x": text})) in (True, False)


def items(*pairs: tuple[str, str]) -> list[Item]:
    return [Item(key=key, type="text", position=at, relevant=relevant) for at, (key, relevant) in enumerate(pairs)]


def keys(found: list[Item]) -> str:
    return " ".join(item.key for item in found)


def test_a_question_hangs_on_an_answer() -> None:
    form = items(("open", ""), ("why", "${open} = 'no'"), ("more", "${why} != ''"))
    assert keys(asked(form, {})) == "open"
    assert keys(asked(form, {"open": "no"})) == "open why"
    assert keys(asked(form, {"open": "no", "why": "rain"})) == "open why more"
    # What was answered before the answer changed counts no more.
    assert keys(asked(form, {"open": "yes", "why": "rain", "more": "x"})) == "open"
    assert in_force(form, {"open": "yes", "why": "rain"}) == {"open": "yes"}


def test_what_cannot_be_told_is_asked() -> None:
    form = items(("a", "pulldata('x') = 1"), ("b", "${elsewhere} = 1"), ("c", "column = 1"), ("d", "1 = 2"))
    assert keys(asked(form, {})) == "a b c"


def test_a_circle_and_a_long_chain_come_to_an_end() -> None:
    assert keys(asked(items(("a", "${b} = ''"), ("b", "${a} = ''")), {})) == "a b"
    assert keys(asked(items(("a", "${a} = 'x'")), {})) == ""
    chain = items(*((f"q{n}", f"${{q{n + 1}}} = 'x'") for n in range(3000)), ("q3000", ""))
    everything = {item.key: "x" for item in chain}
    assert len(asked(chain, everything)) == 3001
    assert keys(asked(chain, everything | {"q3000": "y"})) == "q3000"


def choice(name: str, list_name: str = "town", **columns: str) -> Choice:
    return Choice(list_name=list_name, name=name, label=name, columns=columns)


def test_a_cascade_offers_what_lies_under_the_answer() -> None:
    item = Item(key="town", type="select_one", list_name="town", choice_filter="district = ${district}")
    choices = [choice("yongshun", district="tongzhou"), choice("jiugong", district="daxing"), choice("x", "other")]
    assert [one.name for one in choices_for(item, choices, {"district": "daxing"})] == ["jiugong"]
    assert choices_for(item, choices, {}) == []
    item.choice_filter = "selected(${seen}, name)"
    assert [one.name for one in choices_for(item, choices, {"seen": ["yongshun", "x"]})] == ["yongshun"]
    for condition in ("", "nocolumn = 1", "pulldata('x')"):
        item.choice_filter = condition
        assert [one.name for one in choices_for(item, choices, {})] == ["yongshun", "jiugong"]


GOOD: list[tuple[str, Any, Any]] = [
    ("check", "fail", "fail"),
    ("select_one", "a", "a"),
    ("select_multiple", ["a", "b", "a"], ["a", "b"]),
    ("select_multiple", [], []),
    ("text", "扫码", "扫码"),
    ("integer", 3.0, 3),
    ("decimal", 2.5, 2.5),
    ("date", "2021-01-18", "2021-01-18"),
    ("photo", ["0" * 64], ["0" * 64]),
    ("geopoint", [116.8, 39.8], [116.8, 39.8]),
    ("geopoint", [116.8, 39.8, 5], [116.8, 39.8, 5]),
]
BAD: list[tuple[str, Any, str]] = [
    ("note", "x", "answer_not_taken"),
    ("check", "yes", "bad_result"),
    ("check", ["pass"], "bad_result"),
    ("check", None, "bad_result"),
    ("select_one", "", "bad_choice"),
    ("select_one", "c", "bad_choice"),
    ("select_one", ["a"], "bad_choice"),
    ("select_multiple", "a", "bad_choice"),
    ("select_multiple", ["a", "c"], "bad_choice"),
    ("select_multiple", ["a", 1], "bad_choice"),
    ("text", 3, "bad_text"),
    ("text", "x" * 5001, "bad_text"),
    ("text", "\x00", "bad_text"),
    ("integer", 2.5, "bad_number"),
    ("integer", True, "bad_number"),
    ("integer", "3", "bad_number"),
    ("decimal", math.nan, "bad_number"),
    ("decimal", math.inf, "bad_number"),
    ("decimal", 10**400, "bad_number"),
    ("date", "2021-02-30", "bad_date"),
    ("date", 20210118, "bad_date"),
    ("photo", "0" * 64, "bad_photo"),
    ("photo", ["0" * 63], "bad_photo"),
    ("geopoint", [116.8], "bad_position"),
    ("geopoint", [181, 0], "bad_position"),
    ("geopoint", [0, 0, -1], "bad_position"),
    ("geopoint", [0, math.nan], "bad_number"),
    ("geopoint", "0 0", "bad_position"),
]
OFFERED = [choice("a"), choice("b")]


@pytest.mark.parametrize(("kind", "value", "stored"), GOOD)
def test_an_answer_is_stored_in_one_shape(kind: str, value: Any, stored: Any) -> None:
    found = check_value(Item(key="q", type=kind), value, choices=OFFERED)
    assert (found, type(found)) == (stored, type(stored))


@pytest.mark.parametrize(("kind", "value", "code"), BAD)
def test_what_is_no_answer_is_refused_at_its_item(kind: str, value: Any, code: str) -> None:
    with pytest.raises(BadAnswer) as refusal:
        check_value(Item(key="q", type=kind), value, choices=OFFERED)
    assert (refusal.value.code, refusal.value.field) == (code, "q")


def test_a_constraint_bounds_the_answer() -> None:
    item = Item(key="staff", type="integer", constraint=". >= 1 and . <= ${most}", constraint_message="一到最多")
    assert check_value(item, 4, answers={"most": 5}) == 4
    with pytest.raises(BadAnswer, match="一到最多") as refusal:
        check_value(item, 6, answers={"most": 5})
    assert refusal.value.code == "answer_out_of_bounds"
    item.constraint = "regex(., '^a')"
    assert check_value(item, 6, answers={}) == 6
