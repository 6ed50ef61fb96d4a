"""Plans and due acts of files: made once, moved with what they follow from, and nothing after the end."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from tests.outbreak.measures.building import OFFICE, TOWN, due, expose, make_file, refused
from tests.outbreak.people import at
from tests.waiting import waiting

from duban.access.models import Person
from duban.demo.builders import make_person
from duban.outbreak.measures.editing import RuleDraft, add_rule, preview_rule, replan_office
from duban.outbreak.measures.plans import refresh_phases, replan, reports_due
from duban.outbreak.measures.rules import load_rules
from duban.outbreak.measures.todo import NewTask, add_tasks, finish_tasks, reopen_task, tasks_for
from duban.outbreak.models import CaseFile, MeasureRule, Plan, Task

pytestmark = pytest.mark.django_db
NOW = at(20)


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("officer", "health_officer", OFFICE)


def fresh(file: CaseFile) -> CaseFile:
    return CaseFile.objects.get(pk=file.pk)


def planned(**more: Any) -> CaseFile:
    """Somebody who was in an area on the 16th and is followed since the 20th."""
    file = make_file(NOW)
    expose(file, at(16), NOW, **more)
    replan(now=NOW, file_ids=[file.pk])
    return fresh(file)


def days(file: CaseFile, kind: str) -> list[int]:
    rows = file.tasks.filter(kind=kind).exclude(state="cancelled")
    return list(rows.order_by("due_on", "slot").values_list("due_on__day", flat=True))


def task_of(file: CaseFile, kind: str) -> Task:
    found = file.tasks.filter(kind=kind).exclude(state="cancelled").order_by("due_on").first()
    assert found is not None
    return found


# ---- plans ----------------------------------------------------------------------------------------------------------


def test_a_visitor_of_an_area_is_followed_day_by_day() -> None:
    file = planned()
    assert due(file) == [
        ("arrive", "2021-01-20", "", "open"),
        ("reach", "2021-01-20", "", "open"),
        ("test", "2021-01-20", "", "open"),
        ("test", "2021-01-23", "", "open"),
        ("test", "2021-01-30", "", "open"),
        ("test", "2021-01-30", "2", "open"),
        ("release", "2021-01-31", "", "open"),
    ]
    assert (file.measure, str(file.ends_on), file.no_measure) == ("centralised", "2021-01-30", "")
    assert [replan(now=at(day), file_ids=[file.pk]) for day in (20, 22, 31)] == [0, 0, 0]
    assert reports_due([file.pk], date(2021, 1, 30)) == {file.pk: 2}
    assert reports_due([file.pk], date(2021, 1, 31)) == {}


@pytest.mark.parametrize(
    ("measure", "last", "reason"),
    [("centralised", at(4), "past"), ("monitor", at(20), ""), ("test", at(5, 23), "past")],
)
def test_what_was_over_before_it_was_known_is_no_measure(measure: str, last: Any, reason: str) -> None:
    file = make_file(NOW)
    expose(file, last, NOW, measure=measure)
    replan(now=NOW, file_ids=[file.pk])
    assert fresh(file).no_measure == reason
    assert bool(due(file)) == Plan.objects.filter(file=file, current=True).exists() == (not reason)


def test_every_reason_for_no_measure_leaves_nothing_due_and_goes_again() -> None:
    file = planned()
    exposure = file.exposures.get()
    exposure.withdrawn_at = NOW
    exposure.save()
    assert replan(now=NOW, file_ids=[file.pk]) == 1
    assert (fresh(file).no_measure, fresh(file).measure, due(file)) == ("withdrawn", "", [])
    assert replan(now=NOW, file_ids=[file.pk]) == 0
    exposure.withdrawn_at = None
    exposure.save()
    replan(now=NOW, file_ids=[file.pk])
    assert (fresh(file).no_measure, len(due(file))) == ("", 7)
    MeasureRule.objects.all().delete()
    replan(now=NOW, file_ids=[file.pk])
    assert (fresh(file).no_measure, due(file)) == ("no_rule", [])
    load_rules(now=NOW)
    CaseFile.objects.filter(pk=file.pk).update(confirmed_at=NOW, no_measure="hospital")
    replan(now=NOW, file_ids=[file.pk])
    assert (fresh(file).no_measure, due(file)) == ("hospital", [])


def test_a_merged_file_lends_its_exposures_and_gets_them_back() -> None:
    file, other = planned(), make_file(NOW)
    expose(other, at(18), NOW, basis="110112-2021-S0002")
    replan(now=NOW, file_ids=[other.pk])
    CaseFile.objects.filter(pk=other.pk).update(merged_into=file)
    replan(now=NOW, file_ids=[other.pk])
    assert (str(fresh(file).ends_on), due(other), fresh(other).measure) == ("2021-02-01", [], "")
    CaseFile.objects.filter(pk=other.pk).update(merged_into=None)
    replan(now=NOW, file_ids=[other.pk, file.pk])
    assert [str(fresh(one).ends_on) for one in (file, other)] == ["2021-01-30", "2021-02-01"]


def test_what_is_done_stays_and_only_the_rest_moves(officer: Person) -> None:
    file = planned()
    finish_tasks(by=officer, now=NOW, task_ids=[task_of(file, kind).pk for kind in ("reach", "arrive", "test")])
    expose(file, at(18), at(21), basis="110112-2021-S0002")
    replan(now=at(21), file_ids=[file.pk])
    assert days(file, "test") == [20, 21, 22, 23, 25, 30, 1, 1]
    assert (days(file, "release"), days(file, "arrive"), days(file, "reach")) == ([2], [20], [20])
    assert {one.state for one in file.tasks.filter(due_on=date(2021, 1, 20), kind="test")} == {"done"}


def test_the_phase_turns_by_the_day() -> None:
    file = make_file(NOW)
    expose(file, at(16), NOW, measure="test")
    replan(now=NOW, file_ids=[file.pk])
    assert [(refresh_phases(now=at(day)), fresh(file).measure) for day in (23, 24, 24)] == [
        (0, "test"),
        (1, "monitor"),
        (0, "monitor"),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
def test_turning_the_phase_holds_no_plan_while_it_waits_for_a_file() -> None:
    """Replanning locks a file and then its plan; the other way round, each would wait for the other."""
    file = make_file(NOW)
    expose(file, at(16), NOW, measure="test")
    replan(now=NOW, file_ids=[file.pk])
    plans = Plan.objects.filter(file=file).select_for_update(nowait=True).values_list("pk", flat=True)
    with transaction.atomic():
        CaseFile.objects.select_for_update().get(pk=file.pk)
        turning = waiting(lambda: refresh_phases(now=at(24)))
        assert len(plans) == 1
    turning.join()
    assert fresh(file).measure == "monitor"


def test_a_hundred_people_cost_no_more_statements_than_one() -> None:
    def cost(number: int) -> int:
        files = [make_file(NOW) for _number in range(number)]
        for file in files:
            expose(file, at(16), NOW)
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert replan(now=NOW, file_ids=[file.pk for file in files]) == number
        return len(seen)

    assert cost(60) <= cost(1) + 1


# ---- rules ----------------------------------------------------------------------------------------------------------


def draft(**more: Any) -> RuleDraft:
    said: dict[str, Any] = {
        "key": "area:centralised", "since": date(2021, 1, 25), "name": "加七天", "name_en": "plus seven",
        "phases": (("centralised", 14), ("home", 7)), "test_days": (1, 4, 7, 14, 21), "counted_from": "exposure",
        "double": True, "reports": 2, "visit_every": 0, "quiet_days": 3, "source": "通告",
    }  # fmt: skip
    return RuleDraft(**said | more)


def test_a_new_version_is_looked_at_then_kept_then_everybody_is_planned_anew(officer: Person) -> None:
    files = [planned(), planned(), planned(measure="home")]
    seen = preview_rule(by=officer, now=NOW, draft=draft())
    moved = (date(2021, 1, 30), date(2021, 2, 6), 2)
    assert (seen.followed, seen.changed, seen.moves) == (3, 2, [moved])
    assert (seen.tests_more, seen.tests_less) == (4, 2)
    assert str(fresh(files[0]).ends_on) == "2021-01-30"
    add_rule(by=officer, now=NOW, draft=draft())
    assert replan_office(now=NOW, office=OFFICE) == 2
    assert [str(fresh(file).ends_on) for file in files] == ["2021-02-06", "2021-02-06", "2021-01-30"]
    assert replan_office(now=NOW, office=OFFICE) == 0
    assert refused(lambda: add_rule(by=officer, now=NOW, draft=draft())) == "rule_known"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"key": "moon"}, "unknown_rule"),
        ({"phases": ()}, "bad_phases"),
        ({"phases": (("prison", 7),)}, "bad_phases"),
        ({"phases": (("home", 0),)}, "bad_phases"),
        ({"phases": (("home", 40), ("monitor", 40))}, "bad_phases"),
        ({"test_days": (1, 22)}, "bad_test_days"),
        ({"test_days": ()}, "bad_test_days"),
        ({"counted_from": "birth"}, "bad_count"),
        ({"reports": 3}, "bad_number"),
        ({"until": date(2021, 1, 24)}, "bad_until"),
        ({"source": " "}, "bad_words"),
        ({"name": "长" * 101}, "bad_words"),
    ],
)
def test_a_version_that_says_nothing_sound(officer: Person, more: dict[str, Any], code: str) -> None:
    assert refused(lambda: preview_rule(by=officer, now=NOW, draft=draft(**more))) == code
    assert refused(lambda: add_rule(by=officer, now=NOW, draft=draft(**more))) == code


def test_rules_are_set_where_one_holds_the_office_and_by_nobody_else(officer: Person) -> None:
    town = make_person("town", "health_officer", TOWN)
    others = [make_person(role, role, OFFICE) for role in ("supervisor", "leader", "community_worker")]
    for other in others:
        assert refused(lambda by=other: add_rule(by=by, now=NOW, draft=draft())) == "not_allowed"  # type: ignore[misc]
    assert refused(lambda: add_rule(by=town, now=NOW, draft=draft(), at=OFFICE)) == "not_allowed"
    assert add_rule(by=town, now=NOW, draft=draft()).office == TOWN
    near, far = planned(), make_file(NOW, town="110112107")
    expose(far, at(16), NOW)
    replan(now=NOW, file_ids=[far.pk])
    assert [str(fresh(file).ends_on) for file in (near, far)] == ["2021-02-06", "2021-01-30"]


def test_the_built_in_rules_come_once() -> None:
    assert load_rules(now=NOW) == 0
    assert {row.key for row in MeasureRule.objects.filter(office="")} >= {"contact", "second", "area:test"}


# ---- acts -----------------------------------------------------------------------------------------------------------


def test_acts_are_done_once_and_the_first_time_counts(officer: Person) -> None:
    file = planned()
    ids = [task_of(file, kind).pk for kind in ("reach", "arrive", "test")]
    assert finish_tasks(by=officer, now=NOW, task_ids=ids) == 3
    assert finish_tasks(by=officer, now=at(21), task_ids=ids) == 0
    assert (fresh(file).reached_at, fresh(file).isolated_at, fresh(file).tested_at) == (NOW, NOW, NOW)
    reopen_task(by=officer, now=at(21), task_id=ids[0])
    assert fresh(file).reached_at is None
    assert finish_tasks(by=officer, now=at(22), task_ids=ids[:1]) == 1
    assert fresh(file).reached_at == at(22)


def test_what_cannot_be_done_is_refused_as_a_whole(officer: Person) -> None:
    file = planned()
    reach, release = task_of(file, "reach"), task_of(file, "release")
    late = file.tasks.get(due_on=date(2021, 1, 23))
    worker = make_person("worker", "community_worker", f"{TOWN}001")
    do: dict[str, Any] = {"by": officer, "now": NOW}
    assert refused(lambda: finish_tasks(**do, task_ids=[reach.pk, 10**9])) == "task_not_found"
    assert refused(lambda: finish_tasks(**do, task_ids=[reach.pk, release.pk])) == "release_by_person"
    assert refused(lambda: finish_tasks(**do, task_ids=[reach.pk, late.pk])) == "task_not_due"
    assert refused(lambda: finish_tasks(by=worker, now=NOW, task_ids=[reach.pk])) == "task_not_found"
    assert fresh(file).reached_at is None
    Task.objects.filter(pk=reach.pk).update(state="cancelled")
    assert refused(lambda: finish_tasks(**do, task_ids=[reach.pk])) == "task_cancelled"
    assert refused(lambda: reopen_task(**do, task_id=reach.pk)) == "task_cancelled"
    CaseFile.objects.filter(pk=file.pk).update(stay=f"{TOWN}001")
    assert tasks_for(worker).filter(file=file).exists()


def test_who_could_not_be_reached_is_planned_when_they_are(officer: Person) -> None:
    file = planned()
    CaseFile.objects.filter(pk=file.pk).update(no_measure="unreached")
    replan(now=NOW, file_ids=[file.pk])
    assert [kind for kind, *_rest in due(file)] == ["reach"]
    finish_tasks(by=officer, now=at(21), task_ids=[task_of(file, "reach").pk])
    assert (fresh(file).no_measure, fresh(file).measure) == ("", "centralised")
    assert days(file, "test") == [21, 23, 30, 30]


def test_acts_besides_the_plan_are_added_once_and_to_nobody_who_is_gone() -> None:
    file, gone = planned(), planned()
    CaseFile.objects.filter(pk=gone.pk).update(state="released")
    new = [
        NewTask(one.pk, "report", date(2021, 1, day), "am", {"code": "no_report"})
        for one in (file, gone)
        for day in (21, 31)
    ]
    assert (add_tasks(now=NOW, rows=new), add_tasks(now=NOW, rows=new)) == (1, 0)
    again = [NewTask(file.pk, "test", date(2021, 2, 3), "re1", {"code": "sampled_again"})]
    assert add_tasks(now=NOW, rows=again) == 1
    expose(file, at(18), at(21), basis="110112-2021-S0002")
    replan(now=at(21), file_ids=[file.pk])
    assert ("report", "2021-01-21", "am", "open") in due(file)
    assert ("test", "2021-02-03", "re1", "open") in due(file)
    assert file.ends_on is not None
    assert file.ends_on + timedelta(days=2) == fresh(file).ends_on
