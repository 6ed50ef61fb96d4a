"""Who acts in the bulletin's tests, entries brought to a state by the real actions, and issues of every state."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.people import Held, make_people

from duban.access.models import Person
from duban.bulletin import actions
from duban.bulletin.models import Issue
from duban.demo.builders import NOON, make_finding, make_photo
from duban.ledger import actions as ledger
from duban.ledger.recording import record_finding

LATER = NOON + timedelta(hours=2)
ROLES = "inspector handler supervisor publisher health_officer community_worker leader administrator".split()
HELD = {role: Held(role) for role in ROLES} | {
    "second": Held("supervisor", name="李四"),
    "third": Held("supervisor"),
    "town": Held("supervisor", "110112106"),
    "stranger": Held("supervisor", "110113"),
}


def make_entry(seed: int, state: str = "listed", *, by: Person, handler: Person, **changes: Any) -> Any:
    """An entry in the area of `by` with a photo and, unless told otherwise, a statement of its own."""
    facts = {"statement": f"宋庄镇徐辛庄村距徐宋路约{seed}米", "photos": (make_photo(seed, by=by),)}
    entry = record_finding(by=by, now=NOON, finding=make_finding(seed, **facts | changes)).entry
    step: dict[str, Any] = {"now": LATER, "entry_id": entry.id}
    if state in {"listed", "assigned", "remedied", "closed"}:
        entry = ledger.list_entry(by=by, **step)
    if state in {"assigned", "remedied", "closed"}:
        entry = ledger.assign_entry(by=by, **step)
    if state in {"remedied", "closed"}:
        entry = ledger.submit_remedy(by=handler, photos=[make_photo(seed + 10_000, by=handler)], **step)
    if state == "closed":
        entry = ledger.close_entry(by=by, **step)
    return entry


def publish(draft: Issue, *, by: Person, second: Person) -> Issue:
    """The draft approved by the one and published by the other."""
    actions.approve_issue(by=second, now=LATER, issue_id=draft.pk)
    return actions.publish_issue(by=by, now=LATER, issue_id=draft.pk)


@pytest.fixture
def people(db: None) -> dict[str, Person]:
    """One person per role at the district, a second supervisor, one of a town, and one of another district."""
    return make_people(HELD)


@pytest.fixture
def entry_in(people: dict[str, Person]) -> Callable[..., Any]:
    """`entry_in("closed")` is a fresh entry in that state; further words change the finding."""
    seeds = iter(range(1, 1000))

    def make(state: str = "listed", **changes: Any) -> Any:
        return make_entry(next(seeds), state, by=people["supervisor"], handler=people["handler"], **changes)

    return make


@pytest.fixture
def issue_in(people: dict[str, Person], entry_in: Callable[..., Any]) -> Callable[[str], Issue]:
    """`issue_in("approved")` is an issue in that state, drafted by the supervisor, with two entries."""

    def make(state: str) -> Issue:
        entry_in("closed")
        entry_in("found")
        issue = actions.draft_issue(by=people["supervisor"], now=LATER)
        if state == "discarded":
            return actions.discard_issue(by=people["supervisor"], now=LATER, issue_id=issue.pk)
        if state in {"approved", "published"}:
            issue = actions.approve_issue(by=people["second"], now=LATER, issue_id=issue.pk)
        if state == "published":
            issue = actions.publish_issue(by=people["supervisor"], now=LATER, issue_id=issue.pk)
        return issue

    return make
