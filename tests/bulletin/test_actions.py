"""Drafting, editing, approving, publishing, discarding, correcting: who may, from where, and what comes of it."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.bulletin.conftest import LATER, ROLES, publish

from duban.access.actions import start_delegation
from duban.access.models import Person
from duban.bulletin import actions, editor, queries
from duban.bulletin.models import Issue, IssueState, Item, Series
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.integrity import canonical, sha256
from duban.core.models import AuditRecord
from duban.demo.builders import make_photo
from duban.ledger import actions as ledger
from duban.ledger import queries as entries

ACTIONS: dict[str, Callable[..., Any]] = {
    "edit": actions.edit_issue,
    "approve": actions.approve_issue,
    "publish": actions.publish_issue,
    "discard": actions.discard_issue,
    "correct": actions.correct_issue,
}
FROM = {
    "edit": {"draft", "approved"},
    "approve": {"draft"},
    "publish": {"approved"},
    "discard": {"draft", "approved"},
    "correct": {"published"},
}
MAY = {
    "edit": {"supervisor", "second", "third"},
    "approve": {"publisher", "second", "third"},
    "publish": {"supervisor", "third"},
    "discard": {"supervisor", "second", "third"},
    "correct": {"supervisor", "second", "third"},
}
AFTER = {"edit": "draft", "approve": "approved", "publish": "published", "discard": "discarded", "correct": "draft"}
SEE = {"supervisor", "publisher", "leader", "second", "third"}


def code_of(act: Callable[..., Any], **options: Any) -> str:
    """The code with which it is refused, or nothing."""
    try:
        act(now=LATER, **options)
    except DubanError as refusal:
        return refusal.code
    return ""


@pytest.mark.parametrize("state", IssueState.values)
@pytest.mark.parametrize("name", ACTIONS)
def test_who_may_do_what_from_where(
    name: str, state: str, issue_in: Callable[[str], Issue], people: dict[str, Person]
) -> None:
    issue = issue_in(state)
    kept = Issue.objects.filter(pk=issue.pk).values().get()
    for who in [*ROLES, "town", "stranger", "third", "second"]:
        before = AuditRecord.objects.count()
        expected = ""
        if who not in SEE:
            expected = "issue_not_found"
        elif who not in MAY[name] and who not in {"supervisor", "second"}:
            expected = "not_allowed"
        elif state not in FROM[name]:
            expected = "wrong_issue_state"
        elif name == "approve" and who == "supervisor":
            expected = "own_bulletin"
        elif name == "publish" and who == "second":
            expected = "own_approval"
        if expected:
            assert code_of(ACTIONS[name], by=people[who], issue_id=issue.pk) == expected, who
            assert AuditRecord.objects.count() == before
            assert Issue.objects.filter(pk=issue.pk).values().get() == kept, who
    if state in FROM[name]:
        done = ACTIONS[name](by=people["third"], now=LATER, issue_id=issue.pk)
        assert AuditRecord.objects.latest("pk").action == f"{name}_issue"
        assert done.state == AFTER[name]


def test_who_may_draft(people: dict[str, Person], entry_in: Callable[..., Any]) -> None:
    entry_in("found")
    for who in ROLES:
        expected = "" if who == "supervisor" else "not_allowed"
        assert code_of(actions.draft_issue, by=people[who], at="110112") == expected, who
    assert code_of(actions.draft_issue, by=people["town"], at="110112") == "not_allowed"
    assert code_of(actions.draft_issue, by=people["stranger"], at="110112") == "not_allowed"
    assert code_of(actions.draft_issue, by=people["town"]) == ""
    assert Series.objects.get(jurisdiction="110112106").issues.get().items.count() == 0


def test_there_is_no_such_issue(people: dict[str, Person]) -> None:
    for act in ACTIONS.values():
        assert code_of(act, by=people["supervisor"], issue_id=uuid.uuid4()) == "issue_not_found"


def test_a_stand_in_judges_no_work_of_whom_they_stand_in_for(
    issue_in: Callable[[str], Issue], people: dict[str, Person]
) -> None:
    now = clock.now()

    def stands_in(giver: str) -> Person:
        start_delegation(by=people[giver], now=now, taker="town", start=now, end=now + timedelta(days=1))
        return Person.objects.get(username="town")

    issue = issue_in("draft")
    town = stands_in("supervisor")
    assert code_of(actions.approve_issue, by=town, issue_id=issue.pk) == "own_bulletin"
    assert "approve" not in {step.key for step in editor.steps_for(town, issue, [], 0) if not step.why_not}
    town = stands_in("second")
    assert code_of(actions.approve_issue, by=town, issue_id=issue.pk) == ""
    assert code_of(actions.publish_issue, by=town, issue_id=issue.pk) == "own_approval"
    assert AuditRecord.objects.get(action="approve_issue").actor["roles"][:2] == [
        ["supervisor", "110112", {"for": "second"}],
        ["supervisor", "110112", {"for": "supervisor"}],
    ]


def test_who_edited_it_does_not_approve_it(issue_in: Callable[[str], Issue], people: dict[str, Person]) -> None:
    issue = issue_in("draft")
    actions.edit_issue(by=people["second"], now=LATER, issue_id=issue.pk, title="改过")
    assert code_of(actions.approve_issue, by=people["second"], issue_id=issue.pk) == "own_bulletin"
    assert code_of(actions.approve_issue, by=people["third"], issue_id=issue.pk) == ""


def test_a_change_after_the_approval_needs_a_new_one(
    issue_in: Callable[[str], Issue], people: dict[str, Person]
) -> None:
    issue = issue_in("approved")
    issue = actions.edit_issue(by=people["supervisor"], now=LATER, issue_id=issue.pk, intro="新导语")
    assert (issue.state, issue.approved_by) == ("draft", "")
    assert code_of(actions.publish_issue, by=people["supervisor"], issue_id=issue.pk) == "wrong_issue_state"


@pytest.mark.parametrize(
    ("texts", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "   "}, "title"),
        ({"title": "题" * 101}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"title": "a\ud800b"}, "title"),
        ({"issuer": ""}, "issuer"),
        ({"issuer": "办" * 101}, "issuer"),
        ({"byline": "记" * 101}, "byline"),
        ({"intro": "文" * 4001}, "intro"),
    ],
)
def test_bad_texts(
    texts: dict[str, str], field: str, issue_in: Callable[[str], Issue], people: dict[str, Person]
) -> None:
    issue = issue_in("draft")
    with pytest.raises(actions.BadIssue) as refused:
        actions.edit_issue(by=people["supervisor"], now=LATER, issue_id=issue.pk, **texts)
    assert (refused.value.code, refused.value.field) == ("bad_text", field)
    issue.refresh_from_db()
    assert issue.version == 1


def test_entries_that_cannot_stand_there(
    issue_in: Callable[[str], Issue], entry_in: Callable[..., Any], people: dict[str, Person]
) -> None:
    issue = issue_in("draft")
    rectified, new = issue.items.order_by("-section")
    for items in (
        {"new": [new.entry_id, new.entry_id]},
        {"new": [rectified.entry_id]},
        {"rectified": [new.entry_id]},
        {"new": [uuid.uuid4()]},
        {"old": [new.entry_id]},
        {"new": [entry_in("found").pk, uuid.uuid4()]},
    ):
        options: dict[str, Any] = {"by": people["supervisor"], "issue_id": issue.pk, "items": items}
        assert code_of(actions.edit_issue, **options) == "bad_item"
    assert issue.items.count() == 2


def test_order_and_what_is_left_out_are_kept(
    issue_in: Callable[[str], Issue], entry_in: Callable[..., Any], people: dict[str, Person]
) -> None:
    made = [entry_in("listed").pk for _number in range(4)]
    issue = issue_in("draft")
    order = [made[2], made[0], made[3]]
    edit: dict[str, Any] = {"by": people["supervisor"], "now": LATER, "issue_id": issue.pk}
    actions.edit_issue(items={"new": order}, **edit)
    assert list(issue.items.filter(section="new").values_list("entry_id", flat=True)) == order
    assert issue.items.filter(section="rectified").count() == 1
    assert made[1] in actions.available(issue.series)["new"]
    actions.edit_issue(items={"new": [*order, made[1]]}, **edit)
    assert list(issue.items.filter(section="new").values_list("entry_id", flat=True)) == [*order, made[1]]


def test_a_second_drafter_gets_what_is_left(
    issue_in: Callable[[str], Issue], entry_in: Callable[..., Any], people: dict[str, Person]
) -> None:
    first = issue_in("draft")
    late = entry_in("listed")
    second = actions.draft_issue(by=people["second"], now=LATER)
    assert second.pk != first.pk
    assert [item.entry_id for item in second.items.all()] == [late.pk]
    actions.discard_issue(by=people["supervisor"], now=LATER, issue_id=first.pk)
    again = actions.draft_issue(by=people["second"], now=LATER)
    assert again.pk == second.pk
    assert again.items.count() == 3
    assert Item.objects.filter(issue=first).count() == 0


def test_drafting_again_brings_it_up_to_date(
    issue_in: Callable[[str], Issue], entry_in: Callable[..., Any], people: dict[str, Person]
) -> None:
    issue = issue_in("draft")
    actions.edit_issue(by=people["supervisor"], now=LATER, issue_id=issue.pk, title="我的标题", intro="我的导语")
    gone = issue.items.get(section="new").entry_id
    ledger.void_entry(by=people["supervisor"], now=LATER, entry_id=gone, reason="误报")
    fresh = entry_in("found")
    again = actions.draft_issue(by=people["supervisor"], now=LATER)
    assert (again.pk, again.title, again.intro) == (issue.pk, "我的标题", "我的导语")
    assert [item.entry_id for item in again.items.filter(section="new")] == [fresh.pk]


def test_an_entry_without_a_statement_blocks_and_is_named(
    issue_in: Callable[[str], Issue], entry_in: Callable[..., Any], people: dict[str, Person]
) -> None:
    bare = entry_in("listed", statement="")
    issue = issue_in("draft")
    with pytest.raises(actions.BadIssue) as refused:
        actions.approve_issue(by=people["second"], now=LATER, issue_id=issue.pk)
    assert refused.value.code == "statement_missing"
    assert bare.number in str(refused.value)
    kept = [item.entry_id for item in issue.items.filter(section="new") if item.entry_id != bare.pk]
    actions.edit_issue(by=people["supervisor"], now=LATER, issue_id=issue.pk, items={"new": kept})
    assert publish(issue, by=people["supervisor"], second=people["second"]).number == 1


def test_an_entry_that_moved_on_after_the_approval_blocks_the_publication(
    issue_in: Callable[[str], Issue], people: dict[str, Person]
) -> None:
    issue = issue_in("approved")
    entry = issue.items.get(section="new").entry_id
    ledger.void_entry(by=people["supervisor"], now=LATER, entry_id=entry, reason="误报")
    assert code_of(actions.publish_issue, by=people["supervisor"], issue_id=issue.pk) == "entry_changed_state"
    issue.refresh_from_db()
    assert (issue.state, issue.number, issue.series.next_number) == ("approved", None, 1)


def test_publication_freezes_numbers_lists_and_seals(
    issue_in: Callable[[str], Issue], people: dict[str, Person]
) -> None:
    issue = issue_in("published")
    frozen = json.loads(issue.document)
    assert canonical(frozen) == issue.document.encode()
    assert sha256(issue.document.encode()) == issue.hash
    assert (frozen["number"], frozen["counts"], frozen["corrects"]) == (1, {"rectified": 1, "new": 1}, None)
    entry = frozen["sections"][1]["entries"][0]
    assert entries.states_of([uuid.UUID(entry["id"])]) == {uuid.UUID(entry["id"]): "listed"}
    assert set(entry) == {
        "id", "number", "category", "statement", "description", "responsible", "found_at", "due_at", "closed_at",
        "lon", "lat", "photos",
    }  # fmt: skip
    pair = frozen["sections"][0]["entries"][0]["photos"]
    assert len(pair["before"]) == len(pair["after"]) == 1
    assert frozen["published_at"].endswith("+08:00")


def test_the_same_entry_is_never_printed_twice_as_the_same_thing(
    issue_in: Callable[[str], Issue], entry_in: Callable[..., Any], people: dict[str, Person]
) -> None:
    first = issue_in("published")
    late = entry_in("listed")
    draft = actions.draft_issue(by=people["supervisor"], now=LATER)
    assert [item.entry_id for item in draft.items.all()] == [late.pk]
    second = publish(draft, by=people["supervisor"], second=people["second"])
    assert (second.number, second.previous) == (2, first.hash)
    assert queries.document(second)["previous"] == first.hash


def test_what_was_new_comes_again_when_it_is_rectified(
    issue_in: Callable[[str], Issue], people: dict[str, Person]
) -> None:
    issue = issue_in("published")
    entry = issue.items.get(section="new").entry_id
    step: dict[str, Any] = {"now": LATER, "entry_id": entry}
    ledger.assign_entry(by=people["supervisor"], **step)
    ledger.submit_remedy(by=people["handler"], photos=[make_photo(77_777, by=people["handler"])], **step)
    ledger.close_entry(by=people["supervisor"], **step)
    draft = actions.draft_issue(by=people["supervisor"], now=LATER)
    assert [(item.section, item.entry_id) for item in draft.items.all()] == [("rectified", entry)]


def test_a_correction_gets_its_own_number_and_names_the_old(
    issue_in: Callable[[str], Issue], people: dict[str, Person]
) -> None:
    old = issue_in("published")
    draft = actions.correct_issue(by=people["supervisor"], now=LATER, issue_id=old.pk)
    section = draft.items.filter(section="new")
    dropped = section.get().entry_id
    edit: dict[str, Any] = {"by": people["supervisor"], "now": LATER, "issue_id": draft.pk}
    actions.edit_issue(items={"new": []}, title="更正", **edit)
    assert section.count() == 0
    actions.edit_issue(items={"new": [dropped]}, **edit)
    assert section.get().entry_id == dropped
    new = publish(draft, by=people["supervisor"], second=people["second"])
    assert (new.number, new.corrects_id, queries.document(new)["corrects"]) == (2, old.pk, 1)
    old.refresh_from_db()
    assert queries.document(old)["corrects"] is None


def test_drafting_does_not_take_over_a_waiting_correction(
    issue_in: Callable[[str], Issue], people: dict[str, Person]
) -> None:
    correction = actions.correct_issue(by=people["supervisor"], now=LATER, issue_id=issue_in("published").pk)
    assert actions.draft_issue(by=people["supervisor"], now=LATER).pk != correction.pk


@pytest.mark.parametrize("first", [0, -1, 1_000_001])
def test_bad_first_numbers(first: int, people: dict[str, Person]) -> None:
    assert code_of(actions.draft_issue, by=people["supervisor"], first=first) == "bad_first_number"
    assert not Series.objects.exists()


def test_the_first_number_is_set_until_the_first_is_out(
    issue_in: Callable[[str], Issue], people: dict[str, Person]
) -> None:
    issue = issue_in("draft")
    draft: dict[str, Any] = {"by": people["supervisor"], "now": LATER}
    actions.draft_issue(first=192, **draft)
    assert publish(issue, by=people["supervisor"], second=people["second"]).number == 192
    assert code_of(actions.draft_issue, by=people["supervisor"], first=500) == "series_exists"
    assert code_of(actions.draft_issue, by=people["supervisor"], first=192) == ""


@pytest.mark.parametrize("act", ["edit", "approve", "publish", "discard"])
def test_what_was_not_seen_is_not_passed_over(
    act: str, issue_in: Callable[[str], Issue], people: dict[str, Person]
) -> None:
    issue = issue_in("approved" if act == "publish" else "draft")
    options: dict[str, Any] = {"by": people["third"], "issue_id": issue.pk}
    assert code_of(ACTIONS[act], seen=issue.version - 1, **options) == "issue_changed"
    assert code_of(ACTIONS[act], seen=issue.version, **options) == ""


def test_an_issue_with_nothing_in_it_can_be_published(people: dict[str, Person]) -> None:
    draft = actions.draft_issue(by=people["supervisor"], now=LATER)
    issue = publish(draft, by=people["supervisor"], second=people["second"])
    assert queries.document(issue)["counts"] == {"rectified": 0, "new": 0}


def test_series_count_each_for_itself(people: dict[str, Person], entry_in: Callable[..., Any]) -> None:
    entry_in("found")
    for name, first in (("甲", 5), ("乙", None)):
        draft = actions.draft_issue(by=people["supervisor"], now=LATER, name=name, first=first)
        assert draft.items.count() == 1
        assert publish(draft, by=people["supervisor"], second=people["second"]).number == (first or 1)
