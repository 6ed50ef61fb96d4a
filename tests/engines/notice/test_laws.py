"""What must hold of every reading, whatever the text."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engines.notice.scoring import EXPECTED, codes, text_of

from duban.engines.notice import KINDS, Gazetteer, read_notice

ALL = codes()
WHOLE = [text_of(name) for name in EXPECTED]
PIECES = [piece for text in WHOLE for piece in text.replace("，", ",").split(",") if piece]
pieces = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=12)), max_size=14)
glue = st.sampled_from(
    ["", "，", ",", "。", "；", "：", *("\n", "\n\n", "\t", "|", " ", "\r\n", "\u3000", "# ", "、", "\x0c")]
)
texts = st.one_of(
    st.text(max_size=400),
    st.tuples(pieces, st.lists(glue, min_size=14, max_size=14)).map(
        lambda drawn: "".join(piece + gap for piece, gap in zip(drawn[0], drawn[1], strict=False))
    ),
    st.tuples(st.sampled_from(WHOLE), st.integers(0, 400), st.integers(0, 400)).map(
        lambda drawn: drawn[0][: drawn[1]] + drawn[0][drawn[1] + drawn[2] % 7 :]
    ),
)


@settings(max_examples=300, deadline=None)
@given(texts)
def test_every_draft_lies_in_the_text_and_is_made_of_its_words(text: str) -> None:
    notice = read_notice(text, ALL)
    for article in notice.articles:
        first, last = article.span
        assert 0 <= first <= last <= len(text)
        for draft in article.drafts:
            start, end = draft.span
            assert first <= start < end <= last
            assert draft.text == text[start:end]
            assert draft.kind in KINDS
            assert 0 <= draft.confidence <= 1
            assert draft.jurisdiction is None or ALL.find(draft.jurisdiction.code) == draft.jurisdiction
        for check in article.checks:
            start, end = check.span
            assert 0 <= start < end <= len(text)
    json.dumps(notice.to_dict(), allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(texts)
def test_the_same_text_gives_the_same_answer(text: str) -> None:
    assert read_notice(text, ALL) == read_notice(text, codes())


@settings(max_examples=60, deadline=None)
@given(texts)
def test_a_list_without_a_place_knows_none(text: str) -> None:
    assert all(draft.jurisdiction is None for draft in read_notice(text, Gazetteer.build([])).drafts)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(WHOLE), st.sampled_from(["\n\n", "\n \n", "\r\n\r\n\r\n"]))
def test_more_air_between_paragraphs_changes_nothing_that_is_said(text: str, gap: str) -> None:
    def said(read: str) -> list[tuple[str, str, str]]:
        return [(draft.kind, draft.venue, draft.place) for draft in read_notice(read, ALL).drafts]

    aired = text.replace("\n\n", "\n\n\n").replace("\n\n\n", gap + "\n")
    assert said(text) == said(aired)
