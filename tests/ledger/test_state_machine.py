"""Random people take random steps at random times: the table decides, history verifies, and every count adds up."""

import collections
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Count
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import DubanError
from duban.demo.builders import NOON, make_finding, make_person, make_photo
from duban.ledger import actions, history, queries, recording, tally
from duban.ledger.categories import category_index
from duban.ledger.lifecycle import OPEN, TRANSITIONS, Guard, State
from duban.ledger.models import Entry, Event, Notification, Tally

DISTRICT, TOWN, OTHER_TOWN, ELSEWHERE = "110112", "110112106", "110112110", "110113"
CAST = [
    ("inspector", "inspector", DISTRICT, ""),
    ("events", "inspector", DISTRICT, "event"),
    ("supervisor", "supervisor", DISTRICT, ""),
    ("town_supervisor", "supervisor", TOWN, ""),
    ("components", "supervisor", DISTRICT, "component"),
    ("handler", "handler", DISTRICT, ""),
    ("town_handler", "handler", TOWN, ""),
    ("leader", "leader", DISTRICT, ""),
    ("administrator", "administrator", DISTRICT, ""),
    ("stranger", "supervisor", ELSEWHERE, ""),
]
PHOTOS = 12
DONE: collections.Counter[str] = collections.Counter()
"""How often each step was really taken: a machine that is always refused proves nothing."""
CATEGORIES = ("event:06010", "event:06042", "component:01002")

FIXED = ("list", "assign", "remedy", "close")
PATHS = (
    (*FIXED, "not_inspected", "stands", "reopen"),
    (*FIXED, "recurred", "remedy", "reject"),
    ("list", "assign", "ask_extension", "grant_extension"),
    ("list", "assign", "ask_extension", "refuse_extension"),
    ("list", "assign", "hold", "escalate", "resume"),
    ("list", "assign", "hold", "void", "restore"),
)


class Ledger(RuleBasedStateMachine):
    """Expected states are kept beside the ledger, by the transition table alone."""

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = NOON
        self.people: dict[str, Person] = {}
        self.photos: list[str] = []
        self.expected: dict[uuid.UUID, str] = {}
        self.seeds = 0

    @initialize()
    def assemble(self) -> None:
        # An example begins on an empty ledger; rows of the one before are rolled back by its savepoint.
        for username, role, code, kind in CAST:
            person = make_person(username, role, code)
            if kind:
                person.roles.update(kind=kind)
                person.__dict__.pop("held_roles", None)
            self.people[username] = person
        self.photos = [make_photo(seed, by=self.people["supervisor"]) for seed in range(PHOTOS)]
        for category in CATEGORIES:
            self.record("inspector", category)

    # ---- what may happen --------------------------------------------------------------------------------------------

    @rule(hours=st.sampled_from([1, 5, 30, 24 * 9, 24 * 40]))
    def time_passes(self, hours: int) -> None:
        if self.now.year < 2030:
            self.now += timedelta(hours=hours)

    @rule(who=st.sampled_from([name for name, *_rest in CAST]), category=st.sampled_from(CATEGORIES))
    def record(self, who: str, category: str) -> None:
        person, kind = self.people[who], category.partition(":")[0]
        self.seeds += 1
        finding = make_finding(self.seeds, category=category_index()[category], found_at=self.now)
        reach = [code for code, of in rights.grants(person, "entry.record") if of in ("", kind)]
        try:
            done = recording.record_finding(by=person, now=self.now, finding=finding)
        except DubanError:
            assert not reach
            return
        assert reach
        assert done.outcome == "taken"
        self.expected[done.entry.pk] = "found"

    @precondition(lambda self: self.expected)
    @rule(
        which=st.integers(0, 10_000),
        who=st.sampled_from([name for name, *_rest in CAST]),
        action=st.sampled_from(sorted(actions.VERBS)),
        seed=st.integers(0, 10_000),
        stale=st.booleans(),
    )
    def step(self, which: int, who: str, action: str, seed: int, stale: bool) -> None:
        """Any step by anybody on any entry: done as the table says, or refused and without a trace."""
        entry = Entry.objects.select_related("category").get(pk=sorted(self.expected)[which % len(self.expected)])
        self.take(entry, self.people[who], action, seed, stale)

    @precondition(lambda self: self.expected)
    @rule(which=st.integers(0, 10_000), seeds=st.lists(st.integers(1, 10_000), min_size=6, max_size=14))
    def walk(self, which: int, seeds: list[int]) -> None:
        """Steps that the table allows from here, by people who may, so that entries get far."""
        pk = sorted(self.expected)[which % len(self.expected)]
        for seed in seeds:
            entry = Entry.objects.select_related("category").get(pk=pk)
            asked = entry.extension_until is not None
            steps = [
                step
                for step in TRANSITIONS.values()
                if entry.state in step.sources
                and step.by_person
                and (step.guard is None or (step.guard == Guard.EXTENSION_ASKED) == asked)
            ]
            if not steps:
                # A split entry lives on in its parts.
                return
            step = steps[seed % len(steps)]
            self.take(entry, self.people["handler" if step.by_unit else "supervisor"], step.action, seed, False)

    @rule(path=st.sampled_from(PATHS), seed=st.integers(1, 10_000))
    def long_life(self, path: tuple[str, ...], seed: int) -> None:
        """A new entry down one of the ways that chance alone seldom finds to their end."""
        known = set(self.expected)
        self.record("inspector", CATEGORIES[seed % 3])
        (pk,) = set(self.expected) - known
        for at, action in enumerate(path):
            entry = Entry.objects.select_related("category").get(pk=pk)
            who = self.people["handler" if TRANSITIONS[action].by_unit else "supervisor"]
            self.take(entry, who, action, 5 * seed + at % 4 + 1, False)

    def take(self, entry: Entry, person: Person, action: str, seed: int, stale: bool) -> None:
        before = self.picture()
        step = TRANSITIONS[action]
        seen = max(entry.event_count - int(stale), 0)
        reach = entry.responsible if step.by_unit else entry.jurisdiction
        allowed = (
            rights.may(person, step.permission, reach, entry.category.kind)
            and Entry.objects.visible_to(person).filter(pk=entry.pk).exists()
            and entry.state in step.sources
            and (step.guard is None or (step.guard == Guard.EXTENSION_ASKED) == (entry.extension_until is not None))
            and not stale
        )
        try:
            done = actions.VERBS[action](
                by=person, now=self.now, entry_id=entry.pk, seen=seen, **self.facts(entry, person, action, seed)
            )
        except DubanError:
            self.left_no_trace(before)
            return
        assert allowed, f"{action} from {entry.state} by {person} was done against the table"
        DONE[action] += 1
        moved, parts = done if isinstance(done, tuple) else (done, [])
        self.expected[entry.pk] = str(step.target or entry.state)
        self.expected |= {part.pk: "assigned" for part in parts}
        assert moved.state == self.expected[entry.pk]

    def left_no_trace(self, before: tuple[Any, ...]) -> None:
        assert self.picture() == before

    def facts(self, entry: Entry, person: Person, action: str, seed: int) -> dict[str, Any]:
        """What the step needs; sometimes not good enough."""
        photo = self.photos[seed % PHOTOS]
        others = sorted(set(self.expected) - {entry.pk}) or [entry.pk]
        match action:
            case "list":
                return {}
            case "assign":
                return {"unit": [entry.responsible, TOWN, OTHER_TOWN, ELSEWHERE][seed % 4]}
            case "remedy" | "recurred" | "stands":
                return {"photos": [photo]}
            case "return":
                return {"reason": "不是本单位", "unit": ["", OTHER_TOWN][seed % 2]}
            case "ask_extension":
                return {"reason": "下雪", "until": (entry.due_at or self.now) + timedelta(days=seed % 30)}
            case "split":
                return {"units": [TOWN, OTHER_TOWN, DISTRICT][: 1 + seed % 3]}
            case "merge":
                return {"into": others[seed % len(others)]}
            case "amend":
                return {"statement": f"村{seed % 3}侧", "category": category_index()[CATEGORIES[seed % 3]]}
            case "add_photo":
                return {"photo": photo}
            case _:
                return {"reason": ["现场情况如此", ""][seed % 5 == 0]}

    def picture(self) -> tuple[Any, ...]:
        """All that a refused step must leave as it is."""
        return (
            sorted(Entry.objects.values_list("pk", "state", "event_count", "head_hash", "due_at", "responsible")),
            Event.objects.count(),
            Notification.objects.count(),
            Tally.objects.count(),
        )

    # ---- what must always hold --------------------------------------------------------------------------------------

    @invariant()
    def every_state_is_what_the_table_says(self) -> None:
        assert dict(Entry.objects.values_list("pk", "state")) == self.expected

    @invariant()
    def the_counts_are_the_rows(self) -> None:
        rows = dict(Entry.objects.order_by().values_list("state").annotate(Count("pk")))
        assert dict(tally.sums(Tally.objects.filter(category=tally.ALL), ["state"])) == rows
        for person in self.people.values():
            own = Entry.objects.visible_to(person).order_by().values_list("state").annotate(Count("pk"))
            assert queries.counts_by_state(person) == dict(own)

    @invariant()
    def columns_fit_the_state(self) -> None:
        for entry in Entry.objects.all():
            assert (entry.state == State.CLOSED) == (entry.closed_at is not None)
            assert (entry.state == State.MERGED) == (entry.merged_into_id is not None)
            assert entry.state not in {State.ASSIGNED, State.REMEDIED} or (entry.due_at and entry.dispatched_at)
            assert entry.extension_until is None or entry.state == State.ASSIGNED
            assert (entry.state == State.HELD) == bool(entry.pauses and entry.pauses[-1][1] is None) or (
                entry.state not in OPEN
            )
            assert entry.lookback_due_at is None or entry.state == State.CLOSED

    def teardown(self) -> None:
        if self.people:
            tally.fold()
            self.the_counts_are_the_rows()
            assert list(history.verify_events()) == []
            history.seal_heads(now=self.now)
            assert list(history.verify_checkpoints()) == []
            assert not Entry.objects.filter(unsealed=True).exists()


def test_every_step_of_the_table_can_be_drawn() -> None:
    assert set(actions.VERBS) == {step.action for step in TRANSITIONS.values() if step.by_person}


@pytest.mark.django_db
def test_random_steps_by_random_people_keep_the_ledger_whole() -> None:
    class Rolled(Ledger):
        """Each example in a savepoint of its own that is rolled back."""

        def __init__(self) -> None:
            super().__init__()
            self.frame = transaction.atomic()
            self.frame.__enter__()

        def teardown(self) -> None:
            try:
                super().teardown()
            finally:
                transaction.set_rollback(True)
                self.frame.__exit__(None, None, None)

    run_state_machine_as_test(
        Rolled,
        settings=settings(
            max_examples=30,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert {action for action in actions.VERBS if not DONE[action]} == set()
