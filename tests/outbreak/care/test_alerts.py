"""Missing reports become tasks, silence and fever alerts, and what nobody answers rises: once, whenever it runs."""

from datetime import timedelta
from typing import Any

import pytest
from django_tasks_db.models import DBTaskResult
from tests.outbreak.care.building import DISTRICT, OTHER, TOWN, make_file, report

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.demo.builders import NOON, make_person
from duban.outbreak.care import alerts
from duban.outbreak.care.missing import ask_for_missing
from duban.outbreak.care.watch import keep_watch, next_moment, watch_later
from duban.outbreak.models import Alert, CaseFile, FileState, Task

pytestmark = pytest.mark.django_db
CUT_OFF = NOON - timedelta(hours=2)
"""10:00, when the morning's report is missed."""
NIGHT = NOON + timedelta(hours=8)
MIDNIGHT = NOON + timedelta(hours=12)
"""20:00, when the evening's is."""


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("officer", "health_officer", DISTRICT)


def refused(code: str, act: Any, **asked: Any) -> None:
    with pytest.raises(DubanError) as error:
        act(**asked)
    assert error.value.code == code


def asked_of(file: CaseFile) -> list[tuple[str, str]]:
    return [
        (f"{on:%d}", slot)
        for on, slot in Task.objects.filter(file=file, kind="report")
        .order_by("due_on", "slot")
        .values_list("due_on", "slot")
    ]


# ---- missing reports ------------------------------------------------------------------------------------------------


def test_a_report_is_asked_for_from_its_hour_on_and_once() -> None:
    file, good = make_file(), make_file()
    report(good)
    assert ask_for_missing(now=CUT_OFF - timedelta(seconds=1)) == 0
    assert ask_for_missing(now=CUT_OFF) == 1
    assert ask_for_missing(now=CUT_OFF) == ask_for_missing(now=NOON) == 0
    assert asked_of(file) == [("18", "am")]
    assert asked_of(good) == []
    assert Task.objects.get().why == {"code": "no_report", "slot": "am"}


def test_run_late_it_catches_up_with_the_last_day() -> None:
    file = make_file(opened_at=NOON - timedelta(days=5))
    assert ask_for_missing(now=NIGHT + timedelta(hours=1)) == 2
    assert asked_of(file) == [("18", "am"), ("18", "pm")]


@pytest.mark.parametrize(
    "changes",
    [
        {"state": FileState.RELEASED},
        {"state": FileState.CLOSED},
        {"no_measure": "hospital"},
        {"plan": 0},
        {"opened_at": CUT_OFF - timedelta(minutes=5)},
    ],
)
def test_of_whom_nothing_is_asked(changes: dict[str, Any]) -> None:
    make_file(**changes)
    assert ask_for_missing(now=CUT_OFF) == 0


def test_one_report_a_day_is_the_evenings() -> None:
    file = make_file(plan=1)
    ask_for_missing(now=NIGHT)
    assert asked_of(file) == [("18", "pm")]


def test_what_was_reported_to_a_merged_file_is_not_missing() -> None:
    kept, gone = make_file(), make_file()
    report(gone)
    CaseFile.objects.filter(pk=gone.pk).update(merged_into=kept)
    assert ask_for_missing(now=CUT_OFF) == 0


def test_more_people_than_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duban.outbreak.care.missing.BATCH", 2)
    for number in range(5):
        make_file(plan=number % 3)
    assert ask_for_missing(now=CUT_OFF) == 1
    assert ask_for_missing(now=NIGHT) == 3


def test_silence_for_a_day_is_an_alert_and_ends_with_a_word() -> None:
    file, late = make_file(), make_file()
    keep_watch(now=CUT_OFF)
    assert not Alert.objects.exists()
    report(late, slot="am", now=NOON)
    keep_watch(now=NIGHT)
    keep_watch(now=NIGHT)
    alert = Alert.objects.get()
    assert (alert.file, alert.kind, alert.report) == (file, "silent", None)
    report(file, slot="pm", now=NIGHT + timedelta(minutes=10))
    alert.refresh_from_db()
    assert alert.closed_at == NIGHT + timedelta(minutes=10)


# ---- rising ---------------------------------------------------------------------------------------------------------


def raised(**changes: Any) -> Alert:
    file = make_file(**changes)
    report(file, "38.5")
    return Alert.objects.get(file=file)


def test_it_rises_from_the_town_to_the_office_to_its_leader() -> None:
    alert = raised()
    assert (alert.level, alert.escalates_at) == (1, NOON + timedelta(minutes=30))
    for minutes, done, level in [(29, 0, 1), (30, 1, 2), (30, 0, 2), (59, 0, 2), (60, 1, 3), (600, 0, 3)]:
        assert alerts.escalate(now=NOON + timedelta(minutes=minutes)) == done
        alert.refresh_from_db()
        assert alert.level == level
    assert alert.escalates_at is None


def test_each_level_has_its_minutes_when_the_worker_was_down() -> None:
    alert = raised()
    assert alerts.escalate(now=NOON + timedelta(days=1)) == 1
    assert alerts.escalate(now=NOON + timedelta(days=1)) == 0
    alert.refresh_from_db()
    assert (alert.level, alert.escalates_at) == (2, NOON + timedelta(days=1, minutes=30))


def test_taken_it_rises_only_when_it_is_not_closed_in_time(officer: Person) -> None:
    alert, step = raised(), {"by": officer, "now": NOON}
    alerts.take_alert(alert_id=alert.pk, **step)
    assert alerts.escalate(now=NOON + timedelta(minutes=239)) == 0
    assert alerts.escalate(now=NOON + timedelta(minutes=240)) == 1
    alert.refresh_from_db()
    assert (alert.level, alert.taken_by) == (2, None)
    alerts.take_alert(alert_id=alert.pk, **step)
    alerts.close_alert(alert_id=alert.pk, words="已就诊", **step)
    assert alerts.escalate(now=NOON + timedelta(days=2)) == 0


def test_answered_twice_it_was_answered_once(officer: Person) -> None:
    alert, other = raised(), make_person("other", "health_officer", TOWN)
    step = {"by": officer, "now": NOON, "alert_id": alert.pk}
    assert alerts.take_alert(**step).taken_at == NOON
    assert alerts.take_alert(**step | {"now": NOON + timedelta(hours=1)}).taken_at == NOON
    refused("alert_taken", alerts.take_alert, **step | {"by": other})
    refused("words_missing", alerts.close_alert, words=" ", **step)
    refused("bad_words", alerts.close_alert, words="字" * 1001, **step)
    closed = alerts.close_alert(words="已就诊", **step)
    again = alerts.close_alert(words="别的", **step | {"by": other})
    assert again.closed_by == closed.closed_by
    assert alerts.words_of(again) == "已就诊"
    refused("alert_closed", alerts.take_alert, **step)


def test_who_is_told_and_who_answers(officer: Person) -> None:
    alert = raised(stay=f"{TOWN}001")
    worker = make_person("worker", "community_worker", f"{TOWN}001")
    beside = make_person("beside", "community_worker", f"{TOWN}002")
    other, leader = make_person("other", "health_officer", OTHER), make_person("leader", "leader", DISTRICT)
    town_leader = make_person("town_leader", "leader", OTHER)
    for person, sees in [(officer, 1), (worker, 1), (beside, 0), (other, 0), (leader, 0)]:
        assert alerts.alerts_for(person).count() == sees
    step = {"now": NOON, "alert_id": alert.pk}
    for person in (beside, other, leader):
        refused("alert_not_found", alerts.take_alert, by=person, **step)
    Alert.objects.update(level=3)
    assert alerts.alerts_for(leader).count() == 1
    assert alerts.alerts_for(town_leader).count() == 0
    refused("not_allowed", alerts.take_alert, by=leader, **step)
    alerts.take_alert(by=worker, **step)


# ---- the watch ------------------------------------------------------------------------------------------------------


def waiting() -> list[Any]:
    rows = DBTaskResult.objects.filter(task_path=watch_later.module_path, status="READY")
    return list(rows.order_by("run_after").values_list("run_after", flat=True))


def test_the_worker_looks_when_the_next_thing_falls_due() -> None:
    assert next_moment(NOON) == NIGHT
    assert next_moment(NIGHT) == MIDNIGHT
    assert next_moment(MIDNIGHT) == CUT_OFF + timedelta(days=1)
    raised()
    assert waiting() == [NOON + timedelta(minutes=30)]
    raised()
    assert len(waiting()) == 1
    assert keep_watch(now=NOON + timedelta(minutes=30)) == (0, 2)
    keep_watch(now=NOON + timedelta(minutes=30))
    assert waiting() == [NOON + timedelta(minutes=30), NOON + timedelta(minutes=60)]


def test_a_watch_that_fails_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*, now: Any) -> int:
        raise ValueError(now)

    raised()
    monkeypatch.setattr("duban.outbreak.care.watch.ask_for_missing", fail)
    later = NOON + timedelta(minutes=45)
    with pytest.raises(ValueError, match="2021"):
        keep_watch(now=later)
    assert waiting()[-1] == later + timedelta(minutes=1)


def test_a_watch_says_nothing_of_anybody_in_the_queue() -> None:
    file = make_file(name="欧阳慎")
    report(file, "38.5", note="欧阳慎")
    rows = str(list(DBTaskResult.objects.values()))
    assert str(file.pk) not in rows
    assert "欧阳" not in rows
