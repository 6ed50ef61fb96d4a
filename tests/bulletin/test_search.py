"""Published issues are found by their printed words through an index, whatever was published before there was one."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.bulletin.conftest import publish

from duban.access.models import Person
from duban.bulletin import actions, queries, search, tasks
from duban.bulletin.models import Issue, IssueText
from duban.bulletin.public import hits_for
from duban.core.search import write_missing


@pytest.fixture
def issue(people: dict[str, Person], issue_in: Callable[[str], Issue]) -> Issue:
    draft = issue_in("draft")
    intro = "武兴路“清仓”行动 Alpha\n回头看"
    actions.edit_issue(by=people["supervisor"], now=draft.created_at, issue_id=draft.pk, intro=intro)
    return publish(draft, by=people["supervisor"], second=people["second"])


def found(text: str) -> list[Any]:
    return [issue.pk for issue in search.matching(queries.published(), text)]


def test_words_in_either_language_and_a_single_character_lead_to_it(issue: Issue) -> None:
    for text in ("武兴路", "路", "“清仓”", "alpha", "武兴路 回头看", "徐辛庄村", "Exposed rubbish"):
        assert found(text) == [issue.pk], text
    for text in ("兴武路", "武兴路 没有", "alphas"):
        assert not found(text), text


def test_a_chance_meeting_of_pairs_is_no_hit(people: dict[str, Person], issue: Issue) -> None:
    assert not found("武兴兴路")
    draft = actions.correct_issue(by=people["supervisor"], now=issue.created_at, issue_id=issue.pk)
    words = "天地地玄"
    actions.edit_issue(by=people["supervisor"], now=issue.created_at, issue_id=draft.pk, intro=words)
    publish(draft, by=people["supervisor"], second=people["second"])
    assert not found("天地玄")
    assert not hits_for(["天地玄"])


def test_drafts_are_not_found_and_older_issues_are_taken_up(people: dict[str, Person], issue: Issue) -> None:
    actions.correct_issue(by=people["supervisor"], now=issue.created_at, issue_id=issue.pk)
    IssueText.objects.all().delete()
    assert not found("武兴路")
    assert write_missing(search.INDEX) == 2
    assert write_missing(search.INDEX) == 0
    assert found("武兴路") == [issue.pk]
    draft = Issue.objects.get(state="draft")
    out = publish(draft, by=people["supervisor"], second=people["second"])
    assert found("武兴路") == [out.pk, issue.pk]


def test_the_index_leads_to_the_document_and_no_walk_does(issue: Issue) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert hits_for(["武兴路"])
    assert any("grams" in query["sql"] or "to_tsquery" in query["sql"] for query in asked.captured_queries)


def test_very_many_different_words_are_cut(issue: Issue) -> None:
    document = json.loads(issue.document)

    document["intro"] = "".join(chr(0x4E00 + at % 1000) + chr(0x4E00 + at // 1000) for at in range(60_000))
    issue.document = json.dumps(document)
    assert len(search.tokens_of(issue)) == search.MOST_TOKENS


def test_a_long_issue_is_set_in_the_background(issue: Issue) -> None:
    assert not tasks.is_slow(issue, "newspaper", "zh")
    issue.document += " " * tasks.LONG
    assert tasks.is_slow(issue, "newspaper", "zh")
    assert not tasks.is_slow(issue, "csv", "zh")
