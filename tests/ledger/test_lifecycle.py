"""Every step from every state by every role: allowed exactly where the one table says so."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from duban.access.actions import add_person
from duban.access.models import Person, Role
from duban.access.rights import PERMISSIONS
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_finding, make_photo
from duban.ledger import actions, history, queries, recording
from duban.ledger.categories import category_index
from duban.ledger.lifecycle import TRANSITIONS, Guard, State
from duban.ledger.models import Entry, Event

NOW = NOON + timedelta(hours=5)


SAYING_WHY = {
    "reject", "return", "void", "refuse_extension", "hold", "escalate", "unmerge", "restore", "reopen", "not_inspected",
}  # fmt: skip


def take(action: str, by: Person, entry: Entry, supervisor: Person, **more: Any) -> Entry:
    """One step with all that it needs."""
    needed: dict[str, Any] = {"reason": "现场情况如此"} if action in SAYING_WHY else {}
    match action:
        case "remedy" | "recurred":
            needed["photos"] = [make_photo(77, by=supervisor)]
        case "merge":
            target = recording.record_finding(by=supervisor, now=NOON, finding=make_finding(9999)).entry
            needed["into"] = target.id
        case "amend":
            needed["statement"] = "漷县镇另一处"
        case "add_photo":
            needed["photo"] = make_photo(78, by=supervisor)
        case "ask_extension":
            needed |= {"until": NOW + timedelta(days=9), "reason": "下雪"}
        case "split":
            needed["units"] = ["110112106", "110112110"]
    done = actions.VERBS[action](by=by, now=NOW, entry_id=entry.id, **needed, **more)
    return done[0] if isinstance(done, tuple) else done


def ready(action: str, entry: Entry, people: dict[str, Person]) -> Entry:
    """The entry with what the step's guard asks for."""
    if TRANSITIONS[action].guard == Guard.EXTENSION_ASKED and entry.state == State.ASSIGNED:
        until = NOW + timedelta(days=9)
        return actions.ask_extension(by=people["handler"], now=NOW, entry_id=entry.id, until=until, reason="下雪")
    return entry


@pytest.mark.parametrize("state", [str(state) for state in State])
@pytest.mark.parametrize("action", sorted(actions.VERBS))
def test_a_step_is_taken_only_from_the_states_of_the_table(
    action: str, state: str, people: dict[str, Person], entry_in: Callable[[str], Entry]
) -> None:
    entry, step = ready(action, entry_in(state), people), TRANSITIONS[action]
    actor = people["handler"] if step.permission == "entry.handle" else people["supervisor"]
    events = entry.event_count
    if state in step.sources:
        moved = take(action, actor, entry, people["supervisor"])
        assert moved.state == (step.target or state)
        assert moved.event_count == events + 1
    else:
        with pytest.raises(DubanError) as refusal:
            take(action, actor, entry, people["supervisor"])
        assert (refusal.value.code, refusal.value.status) == ("wrong_state", 409)
        assert Entry.objects.get(pk=entry.pk).event_count == events
    assert list(history.verify_events()) == []


@pytest.mark.parametrize("role", [str(role) for role in Role] + ["stranger"])
@pytest.mark.parametrize("action", sorted(actions.VERBS))
def test_a_step_is_taken_only_by_the_roles_of_the_table(
    action: str, role: str, people: dict[str, Person], entry_in: Callable[[str], Entry]
) -> None:
    step = TRANSITIONS[action]
    entry = ready(action, entry_in(str(step.sources[0])), people)
    granted = role in PERMISSIONS[step.permission]
    reasons = {found.action: reason for found, reason in queries.steps_for(people[role], entry, {})}
    assert (reasons[action] == "") == granted
    if granted:
        assert take(action, people[role], entry, people["supervisor"]).event_count == entry.event_count + 1
        return
    audited = AuditRecord.objects.exclude(subject_type="photo").count()
    with pytest.raises(DubanError) as refusal:
        take(action, people[role], entry, people["supervisor"])
    assert refusal.value.code in {"not_allowed", "entry_not_found"}
    assert Event.objects.filter(entry=entry).count() == entry.event_count
    if action not in {"merge", "remedy", "add_photo", "recurred"}:
        assert AuditRecord.objects.exclude(subject_type="photo").count() == audited


def test_a_town_acts_within_the_town_alone(people: dict[str, Person], entry_in: Callable[[str], Entry]) -> None:
    entry = entry_in("listed")
    assert not Entry.objects.visible_to(people["town_supervisor"]).filter(pk=entry.pk).exists()
    with pytest.raises(DubanError) as hidden:
        actions.assign_entry(by=people["town_supervisor"], now=NOW, entry_id=entry.id)
    assert (hidden.value.code, hidden.value.status) == ("entry_not_found", 404)
    actions.assign_entry(by=people["supervisor"], now=NOW, entry_id=entry.id, unit="110112106000")
    assert Entry.objects.visible_to(people["town_handler"]).get().responsible == "110112106"
    with pytest.raises(DubanError) as refusal:
        actions.assign_entry(by=people["supervisor"], now=NOW, entry_id=entry.id, unit="110113")
    assert refusal.value.code == "not_allowed"


def test_who_looked_at_an_older_state_is_told(people: dict[str, Person], entry_in: Callable[[str], Entry]) -> None:
    entry = entry_in("found")
    actions.list_entry(by=people["supervisor"], now=NOW, entry_id=entry.id, seen=1)
    with pytest.raises(DubanError) as refusal:
        actions.void_entry(by=people["supervisor"], now=NOW, entry_id=entry.id, reason="误报", seen=1)
    assert (refusal.value.code, refusal.value.status) == ("entry_changed", 409)


def test_a_replay_returns_the_first_answer_and_other_content_is_a_conflict(people: dict[str, Person]) -> None:
    inspector = people["inspector"]
    first = recording.record_finding(by=inspector, now=NOON, finding=make_finding(1))
    again = recording.record_finding(by=inspector, now=NOW, finding=make_finding(1))
    assert (first.outcome, again.outcome, again.entry.number) == ("taken", "unchanged", first.entry.number)
    late = make_finding(1, photos=(make_photo(1, by=inspector),))
    assert recording.record_finding(by=inspector, now=NOW, finding=late).outcome == "updated"
    assert recording.record_finding(by=inspector, now=NOW, finding=late).outcome == "unchanged"
    with pytest.raises(DubanError) as refusal:
        recording.record_finding(by=inspector, now=NOW, finding=make_finding(1, lon=116.9))
    assert (refusal.value.code, refusal.value.status) == ("finding_conflict", 409)
    assert Entry.objects.count() == 1


def test_numbers_run_on_per_county_and_year(people: dict[str, Person]) -> None:
    findings = [make_finding(seed) for seed in (1, 2)] + [make_finding(3, found_at=NOON.replace(year=2020))]
    recorded, refused = recording.record_findings(by=people["inspector"], now=NOW, findings=findings)
    assert refused == []
    assert [done.entry.number for done in recorded] == [
        "110112-2021-000001",
        "110112-2021-000002",
        "110112-2020-000001",
    ]


BAD_FINDINGS = [
    ({"datum": "cgcs2000"}, "unknown_datum"),
    ({"lon": 181.0}, "bad_longitude"),
    ({"lon": float("nan")}, "bad_longitude"),
    ({"lat": 116.7, "lon": 39.9}, "bad_latitude"),
    ({"lat": float("inf")}, "bad_latitude"),
    ({"lon": 0.0, "lat": 0.0}, "no_position"),
    ({"accuracy_m": -1.0}, "bad_accuracy"),
    ({"found_at": NOW + timedelta(days=3)}, "found_in_future"),
    ({"found_at": NOW.replace(year=1900)}, "found_too_early"),
    ({"description": "长" * 2001}, "description_too_long"),
    ({"description": "a\x00b"}, "bad_text"),
    ({"statement": "长" * 301}, "statement_too_long"),
    ({"responsible": "1101"}, "bad_code"),
    ({"photos": ("0" * 64,)}, "photo_not_stored"),
]


@pytest.mark.parametrize(("changes", "code"), BAD_FINDINGS)
def test_bad_findings_are_refused_by_code_and_nothing_is_kept(
    changes: dict[str, Any], code: str, people: dict[str, Person]
) -> None:
    with pytest.raises(DubanError) as refusal:
        recording.record_finding(by=people["inspector"], now=NOW, finding=make_finding(1, **changes))
    assert refusal.value.code == code
    assert Entry.objects.count() == 0


BAD_STEPS = [
    ("reject", "remedied", {"reason": "  "}, "reason_missing"),
    ("void", "found", {"reason": "长" * 2001}, "reason_too_long"),
    ("void", "found", {"reason": "a\x00"}, "reason_too_long"),
    ("return", "assigned", {"reason": ""}, "reason_missing"),
    ("return", "assigned", {"reason": "不是", "unit": "x"}, "bad_code"),
    ("assign", "listed", {"unit": "12"}, "bad_code"),
    ("assign", "listed", {"due_at": NOON}, "due_in_past"),
    ("merge", "found", {"into": uuid.UUID(int=1)}, "bad_merge_target"),
    ("amend", "found", {}, "nothing_to_amend"),
    ("amend", "found", {"statement": "  "}, "bad_statement"),
    ("amend", "found", {"description": "长" * 2001}, "description_too_long"),
    ("remedy", "assigned", {"photos": []}, "after_photo_missing"),
    ("remedy", "assigned", {"photos": ["0" * 64]}, "photo_not_stored"),
    ("add_photo", "found", {"photo": "0" * 64}, "photo_not_stored"),
    ("ask_extension", "assigned", {"until": None, "reason": "下雪"}, "until_missing"),
    ("ask_extension", "assigned", {"until": NOON, "reason": "下雪"}, "bad_until"),
    ("ask_extension", "assigned", {"until": NOW + timedelta(days=999), "reason": "下雪"}, "bad_until"),
    ("ask_extension", "assigned", {"until": NOW + timedelta(days=9), "reason": ""}, "reason_missing"),
    ("grant_extension", "assigned", {}, "no_extension_asked"),
    ("split", "listed", {"units": ["110112106"]}, "bad_parts"),
    ("split", "listed", {"units": ["110112106", "110112106000"]}, "bad_parts"),
    ("split", "listed", {"units": ["110112106", "110113101"]}, "not_allowed"),
    ("recurred", "closed", {"photos": []}, "photo_missing"),
    ("recurred", "closed", {"photos": ["0" * 64]}, "photo_not_stored"),
    ("not_inspected", "closed", {"reason": ""}, "reason_missing"),
]


@pytest.mark.parametrize(("action", "state", "facts", "code"), BAD_STEPS)
def test_a_step_without_what_it_needs_is_refused_by_code(
    action: str,
    state: str,
    facts: dict[str, Any],
    code: str,
    people: dict[str, Person],
    entry_in: Callable[[str], Entry],
) -> None:
    entry = entry_in(state)
    actor = people["handler"] if TRANSITIONS[action].permission == "entry.handle" else people["supervisor"]
    with pytest.raises(DubanError) as refusal:
        actions.VERBS[action](by=actor, now=NOW, entry_id=entry.id, **facts)
    assert refusal.value.code == code
    stored = Entry.objects.get(pk=entry.pk)
    assert (stored.state, stored.event_count) == (entry.state, entry.event_count)


def test_the_photo_of_the_finding_is_no_evidence_of_the_remedy(
    people: dict[str, Person], entry_in: Callable[[str], Entry]
) -> None:
    entry = entry_in("assigned")
    before = entry.photos.get().photo_id
    with pytest.raises(DubanError) as refusal:
        actions.submit_remedy(by=people["handler"], now=NOW, entry_id=entry.id, photos=[before])
    assert refusal.value.code == "after_is_before"


def test_amending_sets_what_was_said_and_the_history_knows(
    people: dict[str, Person], entry_in: Callable[[str], Entry]
) -> None:
    entry = entry_in("found")
    category = category_index()["06042"]
    actions.amend_entry(
        by=people["supervisor"], now=NOW, entry_id=entry.id, category=category, description="", reason="看错"
    )
    stored = Entry.objects.get(pk=entry.pk)
    assert (stored.category, stored.description) == (category, "")
    assert list(history.verify_events()) == []


def test_a_hold_pushes_the_deadline_back_and_a_second_one_again(
    people: dict[str, Person], entry_in: Callable[[str], Entry]
) -> None:
    entry = entry_in("assigned")
    supervisor, first_due = people["supervisor"], entry.due_at
    common: dict[str, Any] = {"by": supervisor, "entry_id": entry.id}
    for days in (0, 7.5):
        actions.hold_entry(**common, now=NOW + timedelta(days=days), reason="下雪")
        entry = actions.resume_entry(**common, now=NOW + timedelta(days=days + 7))
    assert entry.due_at > first_due + timedelta(days=12)
    assert [end is not None for _begin, end in entry.pauses] == [True, True]
    assert list(history.verify_events()) == []


def test_a_recurrence_is_a_new_cycle_of_the_same_entry(
    people: dict[str, Person], entry_in: Callable[[str], Entry]
) -> None:
    entry = take("recurred", people["inspector"], entry_in("closed"), people["supervisor"])
    assert (entry.state, entry.cycle, entry.closed_at, entry.remedied_at) == ("assigned", 2, None, None)
    assert entry.due_at > NOW
    assert Entry.objects.get(pk=entry.pk).number == entry.number


def test_the_parts_carry_on_what_was_split(people: dict[str, Person], entry_in: Callable[[str], Entry]) -> None:
    entry = entry_in("split")
    parts = Entry.objects.filter(split_from=entry).order_by("responsible")
    assert [(part.responsible, part.state) for part in parts] == [("110112106", "assigned"), ("110112110", "assigned")]
    assert all(part.photos.exists() and part.number != entry.number for part in parts)
    assert list(history.verify_events()) == []


def test_a_granted_extension_is_the_deadline_and_a_refused_one_is_not(
    people: dict[str, Person], entry_in: Callable[[str], Entry]
) -> None:
    for action, expected in (("grant_extension", NOW + timedelta(days=9)), ("refuse_extension", None)):
        entry = ready(action, entry_in("assigned"), people)
        before = entry.due_at
        entry = take(action, people["supervisor"], entry, people["supervisor"])
        assert entry.due_at == (expected or before)
        assert (entry.extension_until, entry.extension_count) == (None, int(expected is not None))


def test_a_role_for_events_alone_does_not_reach_components(people: dict[str, Person]) -> None:
    person, _password = add_person(username="events", role="supervisor", at="110112", kind="event", now=NOON)
    cover = make_finding(1, category=category_index()["component:01002"])
    entry = recording.record_finding(by=people["inspector"], now=NOON, finding=cover).entry
    rubbish = recording.record_finding(by=people["inspector"], now=NOON, finding=make_finding(2)).entry
    assert list(Entry.objects.visible_to(person)) == [rubbish]
    with pytest.raises(DubanError) as refusal:
        actions.list_entry(by=person, now=NOW, entry_id=entry.id)
    assert refusal.value.code == "entry_not_found"
    assert actions.list_entry(by=person, now=NOW, entry_id=rubbish.id).state == "listed"


def test_an_inspector_of_events_records_no_components(people: dict[str, Person]) -> None:
    person, _password = add_person(username="events", role="inspector", at="110112", kind="event", now=NOON)
    cover = make_finding(1, category=category_index()["component:01002"])
    with pytest.raises(DubanError) as refusal:
        recording.record_finding(by=person, now=NOON, finding=cover)
    assert (refusal.value.code, refusal.value.field) == ("outside_kind", "category")
    assert recording.record_finding(by=person, now=NOON, finding=make_finding(2)).outcome == "taken"
