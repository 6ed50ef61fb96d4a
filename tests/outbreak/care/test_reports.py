"""Daily reports: one a slot, whoever sends it and however often; fever and symptoms are answered by somebody."""

import uuid
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.outbreak.care.building import DAY, DISTRICT, OTHER, TOWN, beds_of, due, make_file, make_site, report

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person
from duban.outbreak.care import reports, requests
from duban.outbreak.care.rules import Symptom, open_slots, rule_on
from duban.outbreak.models import Alert, CareRequest, CaseFile, DailyReport, FileState, Task
from duban.outbreak.sites import actions

pytestmark = pytest.mark.django_db
MORNING = NOON - timedelta(hours=4)
EVENING = NOON + timedelta(hours=6)


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("officer", "health_officer", DISTRICT)


def refused(code: str, act: Any, *told: Any, **asked: Any) -> None:
    with pytest.raises(DubanError) as error:
        act(*told, **asked)
    assert error.value.code == code


def kinds(file: CaseFile) -> set[str]:
    return set(Alert.objects.filter(file=file, closed_at=None).values_list("kind", flat=True))


# ---- what is read ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", ["36.5", " 36.5 ", "36,5", "36。5", "３６.５", "36.5℃", 36.5, Decimal("36.46")])
def test_temperatures_as_people_write_them(told: object) -> None:
    assert reports.read_temperature(told) == Decimal("36.5")


@pytest.mark.parametrize("told", ["", "x", "33.9", "43.1", "365", "NaN", "Infinity", "-36.5", "1e1000", "36.5.5", None])
def test_what_is_no_temperature(told: object) -> None:
    refused("bad_temperature", reports.read_temperature, told)


@given(tenths=st.integers(-500, 1500))
def test_every_temperature_is_read_exactly_or_refused(tenths: int) -> None:
    degrees = Decimal(tenths) / 10
    try:
        assert reports.read_temperature(str(degrees)) == degrees
        assert 340 <= tenths <= 430
    except reports.BadReport:
        assert not 340 <= tenths <= 430


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"temperature": "50"}, "bad_temperature"),
        ({"symptoms": ["plague"]}, "bad_symptom"),
        ({"slot": "noon"}, "bad_slot"),
        ({"now": MORNING, "slot": "pm"}, "bad_slot"),
        ({"on": DAY + timedelta(days=1)}, "bad_day"),
        ({"on": DAY - timedelta(days=1)}, "bad_day"),
        ({"note": "冷" * 501}, "bad_note"),
        ({"note": "a\x00"}, "bad_note"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_kept(changes: dict[str, Any], code: str) -> None:
    file = make_file()
    facts = {"by": None, "now": NOON, "file_id": file.pk, "on": DAY, "slot": "am", "temperature": "36.5"}
    refused(code, reports.record_report, **facts | {"symptoms": []} | changes)
    assert not DailyReport.objects.exists()
    assert not Alert.objects.exists()


def test_staff_catch_up_to_the_day_the_file_was_opened(officer: Person) -> None:
    file = make_file()
    report(file, by=officer, how="phone", on=DAY - timedelta(days=1), slot="pm")
    refused("bad_day", report, file, by=officer, how="phone", on=DAY - timedelta(days=2), slot="pm")


# ---- one a slot -----------------------------------------------------------------------------------------------------


def test_a_replay_adds_nothing() -> None:
    file = make_file()
    first = report(file, "38.1", "cough", note="冷")
    again = report(file, "38.10", "cough", "cough", note=" 冷 ", now=EVENING)
    assert again.pk == first.pk
    assert again.at == NOON
    assert DailyReport.objects.count() == 1
    assert Alert.objects.count() == 2
    assert AuditRecord.objects.filter(action="record_report").count() == 1


def test_another_report_takes_the_place_of_the_first_unless_that_raised_an_alert() -> None:
    file = make_file()
    report(file, "36.5")
    report(file, "38.2", "breath")
    assert DailyReport.objects.get().temperature == Decimal("38.2")
    assert kinds(file) == {"fever", "symptom"}
    refused("report_raised_alert", report, file, "36.5")
    report(file, "39.0")
    assert DailyReport.objects.get().temperature == Decimal("39.0")
    assert kinds(file) == {"fever", "symptom"}


def test_a_report_does_the_task_that_asked_for_it(officer: Person) -> None:
    file = make_file()
    mine, other = due(file, "report", slot="am"), due(file, "report", slot="pm")
    report(file)
    for task in (mine, other):
        task.refresh_from_db()
    assert (mine.state, other.state) == ("done", "open")
    assert mine.done_by == {"username": "", "name": "link", "roles": []}
    report(file, by=officer, how="phone", slot="pm", now=EVENING)
    other.refresh_from_db()
    assert other.done_by["username"] == "officer"


def test_neither_log_nor_record_tells_what_was_reported() -> None:
    report(make_file(), "38.7", "cough", note="咳得厉害")
    row = DailyReport.objects.get()
    assert "咳" not in bytes(row.sealed).decode(errors="replace")
    said = str(list(AuditRecord.objects.values_list("detail", "actor")))
    assert "38.7" not in said
    assert "cough" not in said


# ---- alerts by rule -------------------------------------------------------------------------------------------------


@given(tenths=st.integers(340, 430), ticked=st.sets(st.sampled_from(Symptom.values)))
def test_from_37_3_it_is_a_fever_and_every_symptom_counts(tenths: int, ticked: set[str]) -> None:
    from duban.outbreak.care.alerts import kinds_of

    found = kinds_of(Decimal(tenths) / 10, ticked, rule_on(DAY))
    assert ("fever" in found) == (tenths >= 373)
    assert ("symptom" in found) == bool(ticked)


def test_two_fevers_are_one_alert_until_it_is_closed(officer: Person) -> None:
    from duban.outbreak.care.alerts import close_alert

    file = make_file()
    report(file, "38.0")
    report(file, "38.5", slot="pm", now=EVENING)
    alert = Alert.objects.get()
    close_alert(by=officer, now=EVENING, alert_id=alert.pk, words="已送发热门诊")
    report(file, "38.4", on=DAY + timedelta(days=1), now=NOON + timedelta(days=1))
    assert Alert.objects.count() == 2


def test_rules_are_read_with_their_dates() -> None:
    rule = rule_on(date(2021, 1, 18))
    assert rule.fever == Decimal("37.3")
    assert [one.slot for one in rule.slots] == ["am", "pm"]
    assert rule_on(date(1999, 1, 1)) == rule
    assert open_slots(datetime.fromisoformat("2021-01-18T11:59:59+08:00")) == ["am"]
    assert open_slots(datetime.fromisoformat("2021-01-18T12:00:00+08:00")) == ["am", "pm"]
    assert open_slots(datetime.fromisoformat("2021-01-18T00:00:00+08:00")) == ["am"]


# ---- who reports ----------------------------------------------------------------------------------------------------


def test_who_reports_for_somebody(officer: Person) -> None:
    file = make_file(stay=f"{TOWN}001")
    worker, beside = (
        make_person(name, "community_worker", code) for name, code in [("w", f"{TOWN}001"), ("b", f"{TOWN}002")]
    )
    asked = {"how": "phone"}
    report(file, by=worker, **asked)
    refused("file_not_found", report, file, "36.6", by=beside, **asked)
    refused("file_not_found", report, file, "36.6", by=make_person("leader", "leader", DISTRICT), **asked)


def test_site_staff_report_for_people_of_other_towns_while_they_lie_there(officer: Person) -> None:
    file, site = make_file(town=OTHER), make_site(officer)
    staff = make_person("staff", "community_worker", TOWN)
    refused("file_not_found", report, file, by=staff, how="site")
    actions.assign_bed(by=officer, now=NOON, bed_id=beds_of(site)[0].pk, file_id=file.pk)
    assert report(file, by=staff, how="site").how == "site"
    actions.end_stay(by=officer, now=NOON, file_id=file.pk, reason="home")
    refused("file_not_found", report, file, "36.6", by=staff, how="site")


def test_nothing_is_reported_for_who_is_released(officer: Person) -> None:
    file = make_file(state=FileState.RELEASED)
    for by in (None, officer):
        refused("file_not_open", report, file, by=by)


def test_a_report_of_a_merged_file_is_the_one_files() -> None:
    kept, gone = make_file(), make_file()
    report(gone, "36.4")
    CaseFile.objects.filter(pk=gone.pk).update(merged_into=kept)
    assert report(gone, "36.4").file_id == gone.pk
    assert report(gone, "36.6", slot="pm", now=EVENING).file_id == kept.pk


# ---- requests -------------------------------------------------------------------------------------------------------


def ask(file: CaseFile, kind: str = "food", words: str = "米", **changes: Any) -> CareRequest:
    facts: dict[str, Any] = {"by": None, "now": NOON, "request_id": uuid.uuid4()}
    return requests.make_request(file_id=file.pk, kind=kind, words=words, **facts | changes)


def test_a_request_has_an_owner_and_a_time(officer: Person) -> None:
    file, key = make_file(), uuid.uuid4()
    made = ask(file, "medicine", "降压药", request_id=key)
    assert made.due_at == NOON + timedelta(hours=4)
    assert ask(file, "doctor", "", request_id=key).kind == "medicine"
    worker = make_person("worker", "community_worker", TOWN)
    step: dict[str, Any] = {"by": officer, "now": NOON, "request_id": key}
    assert requests.give_request(**step, username="worker").owner["username"] == "worker"
    for nobody in ("nobody", make_person("other", "community_worker", OTHER).username):
        refused("owner_unknown", requests.give_request, **step, username=nobody)
    assert list(requests.requests_for(worker)) == [made]
    done = requests.finish_request(by=worker, now=EVENING, request_id=key)
    assert requests.finish_request(**step).done_at == done.done_at == EVENING
    refused("request_done", requests.give_request, **step)
    assert "降压药" not in bytes(CareRequest.objects.get().sealed).decode(errors="replace")


@pytest.mark.parametrize(
    ("kind", "words", "code"),
    [("car", "x", "request_kind"), ("other", " ", "words_missing"), ("food", "米" * 501, "bad_words")],
)
def test_what_is_wrong_is_asked_for_by_nobody(kind: str, words: str, code: str) -> None:
    refused(code, ask, make_file(), kind, words)
    assert not CareRequest.objects.exists()


def test_who_asks_without_end_is_sent_to_the_telephone(officer: Person) -> None:
    file = make_file()
    for _n in range(10):
        ask(file)
    refused("too_many_requests", ask, file)
    ask(file, by=officer)
    ask(file, now=NOON + timedelta(days=1))


def test_another_persons_request_is_not_theirs(officer: Person) -> None:
    key = uuid.uuid4()
    ask(make_file(), request_id=key)
    refused("request_of_others", ask, make_file(), request_id=key)
    other = make_person("other", "health_officer", OTHER)
    refused("request_not_found", requests.finish_request, by=other, now=NOON, request_id=key)
    assert not Task.objects.exists()
