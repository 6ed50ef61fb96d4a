"""Who acts in the ledger's tests, and an entry brought to each state by the real actions."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.people import Held, make_people

from duban.access.models import Person
from duban.demo.builders import NOON, make_finding, make_photo
from duban.ledger import actions, recording
from duban.ledger.models import Entry

LATER = NOON + timedelta(hours=2)


ROLES = "inspector handler supervisor publisher health_officer community_worker leader administrator".split()
HELD = {role: Held(role) for role in ROLES} | {
    "town_handler": Held("handler", "110112106"),
    "town_supervisor": Held("supervisor", "110112106"),
    "stranger": Held("supervisor", "110113"),
}


@pytest.fixture
def people(db: None) -> dict[str, Person]:
    """One person per role at the district, and handlers and a supervisor of one town."""
    return make_people(HELD)


@pytest.fixture
def entry_in(people: dict[str, Person]) -> Callable[[str], Entry]:
    """`entry_in("remedied")` is a fresh entry in that state."""
    supervisor, handler = people["supervisor"], people["handler"]
    count = iter(range(1, 1000))

    def make(state: str) -> Entry:
        seed = next(count)
        finding = make_finding(seed, photos=(make_photo(seed, by=supervisor),))
        entry = recording.record_finding(by=people["inspector"], now=NOON, finding=finding).entry
        common = {"now": LATER, "entry_id": entry.id}
        if state == "void":
            return actions.void_entry(by=supervisor, reason="误报", **common)
        if state == "merged":
            other = recording.record_finding(by=supervisor, now=NOON, finding=make_finding(seed + 5000)).entry
            return actions.merge_entry(by=supervisor, into=other.id, **common)
        if state != "found":
            entry = actions.list_entry(by=supervisor, **common)
        if state in {"assigned", "held", "remedied", "closed"}:
            entry = actions.assign_entry(by=supervisor, **common)
        if state == "held":
            entry = actions.hold_entry(by=supervisor, reason="施工未完", **common)
        if state == "split":
            entry, _parts = actions.split_entry(by=supervisor, units=["110112106", "110112110"], **common)
        if state in {"remedied", "closed"}:
            after = make_photo(seed + 10_000, by=handler)
            entry = actions.submit_remedy(by=handler, photos=[after], **common)
        if state == "closed":
            entry = actions.close_entry(by=supervisor, **common)
        return entry

    return make
