"""Whatever is edited, removed or swapped behind the program's back is found, and the place is named."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from tests.bulletin.conftest import LATER, publish

from duban.access.models import Person
from duban.bulletin import actions
from duban.bulletin.models import Issue, Item, Series
from duban.bulletin.verify import verify_issues
from duban.core.files import write_whole
from duban.core.integrity import canonical, seal, sha256
from duban.core.models import AuditRecord


@pytest.fixture
def issues(issue_in: Callable[[str], Issue], entry_in: Callable[..., Any], people: dict[str, Person]) -> list[Issue]:
    """Nos. 1, 2 and 3 of a series, and a draft that is nobody's business."""
    made = [issue_in("published")]
    for _number in range(2):
        entry_in("listed")
        draft = actions.draft_issue(by=people["supervisor"], now=LATER)
        made.append(publish(draft, by=people["supervisor"], second=people["second"]))
    entry_in("listed")
    actions.draft_issue(by=people["supervisor"], now=LATER)
    assert list(verify_issues()) == []
    return made


def found() -> set[tuple[str, str]]:
    """The code of each problem, and the end of its place."""
    return {(problem.code, problem.where.rpartition(" ")[2]) for problem in verify_issues()}


def rewritten(issue: Issue, change: Callable[[dict[str, Any]], None], *, sealed: bool = False) -> None:
    """Put another document into the row, with a hash that fits it."""
    document = json.loads(issue.document)
    change(document)
    frozen = canonical(document)
    digest = sha256(frozen)
    values = {"document": frozen.decode(), "hash": digest, "seal": seal(digest) if sealed else issue.seal}
    Issue.objects.filter(pk=issue.pk).update(**values)


@pytest.mark.parametrize(
    ("column", "value"),
    [("title", "假"), ("intro", "假"), ("issuer", "假"), ("byline", "假"), ("number", 77), ("previous", "0" * 64)],
)
def test_an_edited_column(column: str, value: Any, issues: list[Issue]) -> None:
    Issue.objects.filter(pk=issues[1].pk).update(**{column: value})
    problems = found()
    assert problems
    expected = {"number": ("issue_missing", "2"), "previous": ("issue_out_of_chain", "2")}
    assert expected.get(column, ("issue_altered", "2")) in problems


@pytest.mark.parametrize("column", ["document", "hash", "seal"])
def test_an_edited_proof(column: str, issues: list[Issue]) -> None:
    value = getattr(issues[1], column)
    forged = value.replace("徐辛庄", "徐新庄") if column == "document" else value[::-1]
    assert forged != value
    Issue.objects.filter(pk=issues[1].pk).update(**{column: forged})
    assert ("issue_forged" if column == "seal" else "issue_altered", "2") in found()


def test_a_document_rewritten_with_its_hash(issues: list[Issue]) -> None:
    rewritten(issues[1], lambda document: document.update(title="假"))
    assert ("issue_forged", "2") in found()


def test_a_document_rewritten_by_who_holds_even_the_key(issues: list[Issue]) -> None:
    def lie(document: dict[str, Any]) -> None:
        document["sections"][1]["entries"][0]["statement"] = "别处"

    rewritten(issues[1], lie, sealed=True)
    assert {("issue_altered", "2"), ("issue_out_of_chain", "3")} <= found()


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_deleted_issue(at: int, issues: list[Issue]) -> None:
    issues[at].items.all().delete()
    Issue.objects.filter(pk=issues[at].pk).delete()
    assert ("issue_missing", str(at + 1)) in found()


def test_the_last_issue_deleted_with_its_trace_in_the_series(issues: list[Issue]) -> None:
    issues[2].items.all().delete()
    Issue.objects.filter(pk=issues[2].pk).delete()
    Series.objects.update(next_number=3)
    assert ("issue_missing", "3") in found()


def test_an_issue_made_a_draft_again(issues: list[Issue]) -> None:
    Issue.objects.filter(pk=issues[2].pk).update(state="draft", number=None, published_at=None, hash="", document="")
    assert ("issue_missing", "3") in found()


def test_a_published_issue_that_nobody_published(issues: list[Issue]) -> None:
    record = AuditRecord.objects.get(action="publish_issue", subject_id=str(issues[1].pk))
    record.delete()
    assert ("issue_altered", "2") in found()


def test_a_swapped_entry(issues: list[Issue], entry_in: Callable[..., Any]) -> None:
    Item.objects.filter(issue=issues[1]).update(entry=entry_in("listed"))
    assert ("issue_altered", "2") in found()


@pytest.mark.parametrize("change", ["next", "first"])
def test_an_edited_series(change: str, issues: list[Issue]) -> None:
    Series.objects.update(**({"next_number": 2} if change == "next" else {"first_number": 0}))
    assert {code for code, _where in found()} & {"series_altered", "issue_missing"}


def test_another_installations_key_does_not_seal_here(issues: list[Issue]) -> None:
    key = settings.DUBAN_DATA / "keys" / "history"
    kept = key.read_bytes()
    key.chmod(0o600)
    try:
        key.write_bytes(bytes(reversed(kept)))
        assert ("issue_forged", "1") in found()
    finally:
        key.write_bytes(kept)
    assert found() == set()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("approved_by", "somebody"),
        ("published_by", "somebody"),
        ("drafted_by", "somebody"),
        ("edited_by", ["somebody"]),
        ("created_at", LATER + timedelta(days=1)),
        ("published_at", LATER + timedelta(days=1)),
    ],
)
def test_who_approved_it_and_when_cannot_be_rewritten(column: str, value: Any, issues: list[Issue]) -> None:
    Issue.objects.filter(pk=issues[1].pk).update(**{column: value})
    assert ("issue_forged", "2") in found()


def test_another_order_of_the_entries(issues: list[Issue]) -> None:
    Item.objects.filter(issue=issues[0]).update(position=9)
    assert ("issue_forged", "1") in found()


def test_a_series_under_another_name(issues: list[Issue]) -> None:
    Series.objects.update(name="另一通报")
    assert {("issue_forged", "1"), ("issue_altered", "1")} <= found()


def test_the_last_issue_taken_out_with_every_trace_in_the_database(issues: list[Issue]) -> None:
    last = issues[-1]
    copy = actions.frozen_copy(last.hash)
    write_whole(copy, last.document.encode())
    assert found() == set()
    AuditRecord.objects.filter(subject_id=str(last.pk)).delete()
    Item.objects.filter(issue=last).delete()
    Issue.objects.filter(pk=last.pk).delete()
    Series.objects.update(next_number=3)
    assert found() == {("issue_missing", "3")}


def test_a_ledger_whose_checkpoints_were_wiped(issues: list[Issue]) -> None:
    Issue.objects.filter(pk=issues[0].pk).update(seal="")
    document = actions.document_of(issues[2], list(issues[2].items.all()), checkpoint="f" * 64)
    rewritten(issues[2], lambda frozen: frozen.update(checkpoint=document["checkpoint"]))
    assert ("checkpoint_missing", "3") in found()
