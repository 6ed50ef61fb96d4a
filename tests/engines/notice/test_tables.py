"""Tables and records say the same whatever they look like."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engines.notice.layouts import (
    HEADS,
    PROBLEMS,
    RECORDS,
    TABLES,
    Fact,
    Layout,
    RecordLayout,
    draw_facts,
    merged_towns,
    table_of,
)
from tests.engines.notice.scoring import codes
from tests.engines.notice.specimens import SPECIMENS, Wanted

from duban.engines.notice import FINDING, SITE, Draft, read_notice

CODES = codes("510197")
ABOVE = "关于对部分场所检查情况的通报\n\n近日，柳川区组织对辖区场所进行了检查，现将有关情况通报如下：\n\n"
BELOW = "\n\n请各单位认真整改。"


def read(text: str) -> list[Draft]:
    return [draft for draft in read_notice(text, CODES).drafts if draft.kind in (FINDING, SITE)]


def named(draft: Draft) -> str:
    return draft.place + draft.venue


def code_of(draft: Draft) -> str:
    return draft.jurisdiction.code if draft.jurisdiction else ""


def check(text: str, facts: Sequence[Fact]) -> None:
    """Every fact with a problem is one finding that tells all of it and nothing of another one."""
    drafts = read(ABOVE + text + BELOW)
    wrong = [fact for fact in facts if fact.problems]
    told = any(head in text for head in (*HEADS["measure"], "处理结果"))
    assert len(drafts) == len(wrong), text
    for fact in wrong:
        (draft,) = [draft for draft in drafts if fact.venue in named(draft)]
        said = "".join(draft.problems)
        assert {problem for problem in PROBLEMS if problem in said} == set(fact.problems), text
        assert fact.measure not in said, text
        assert draft.measure == (fact.measure if told else ""), text
        assert code_of(draft) == fact.code, text
        assert not any(character.isdigit() for character in draft.venue), text


seeds = st.integers(0, 2**32)


@pytest.mark.parametrize("layout", TABLES)
@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_a_table_gives_its_facts_in_every_layout(layout: Layout, seed: int) -> None:
    random = Random(seed)
    facts = draw_facts(random)
    check(layout(random, table_of(random, facts)), facts)


@pytest.mark.parametrize("layout", TABLES)
@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_a_town_told_once_holds_for_the_rows_below(layout: Layout, seed: int) -> None:
    random = Random(seed)
    facts = draw_facts(random)
    check(layout(random, merged_towns(random, facts)), facts)


@pytest.mark.parametrize("layout", RECORDS)
@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_a_record_gives_its_facts_in_every_layout(layout: RecordLayout, seed: int) -> None:
    random = Random(seed)
    facts = draw_facts(random)
    check(layout(random, facts), facts)


@pytest.mark.parametrize(("text", "wanted"), SPECIMENS.values(), ids=SPECIMENS)
def test_what_offices_print(text: str, wanted: Sequence[Wanted]) -> None:
    drafts = read(text)
    assert len(drafts) == len(wanted), [(named(draft), draft.problems) for draft in drafts]
    for what, code, words, measure in wanted:
        (draft,) = [draft for draft in drafts if what in named(draft)]
        said = "".join(draft.problems)
        assert all(word in said for word in words), draft.problems
        assert measure in draft.measure if measure else not draft.measure
        assert code_of(draft) == code


def test_a_row_is_told_by_the_words_that_it_came_from() -> None:
    text, _wanted = SPECIMENS["box with a cell that goes on"]
    first, second = read(text)
    assert "锦绣江南二" in first.text
    assert "鹤鸣村安置" in second.text
    assert first.span[1] <= second.span[0]
