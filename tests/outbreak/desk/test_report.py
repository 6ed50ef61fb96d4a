"""The daily report: days that follow from one another whatever happened in between, past days that stay as they were,
and a report that is not made where its rows disagree."""

import random
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from tests.outbreak.desk.building import (
    HERE,
    OFFICE,
    THERE,
    client_of,
    expose,
    make_file,
    make_plan,
    release,
    say_fine,
    swab,
)
from tests.outbreak.people import at

from duban.core.errors import DubanError
from duban.demo.builders import make_person
from duban.outbreak.desk import days, rows, sentence
from duban.outbreak.desk.report import FIGURES, MEASURES, Report, as_told, report_of, told_total
from duban.outbreak.desk.rows import Asked
from duban.outbreak.models import Alert, CaseFile, FileState

pytestmark = pytest.mark.django_db


def on(day: int) -> date:
    return date(2021, 1, day)


def figures(day: int, where: str = OFFICE) -> dict[str, int | None]:
    return dict(report_of(on(day), where).total.figures)


def without_words(report: Report) -> dict[str, Any]:
    return report.as_dict()


# ---- days that follow from one another -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_every_day_follows_from_the_one_before(seed: int) -> None:
    draw = random.Random(seed)
    for _number in range(60):
        _a_life(draw)
    before = dict.fromkeys(FIGURES, 0)
    for day in range(1, 27):
        report = report_of(on(day), OFFICE)
        told = {name: number or 0 for name, number in report.total.figures.items()}
        assert told["followed"] == before["followed"] + told["new"] - told["released"] - told["closed"], day
        assert told["followed"] == sum(told[name] for name in MEASURES), day
        assert told["waiting"] <= told["followed"]
        for name in FIGURES:
            assert told[name] == sum(line.figures[name] or 0 for line in report.by_town), (day, name)
        for name in days.FIGURES:
            assert told[name] == rows.find(Asked(name, on(day), OFFICE)).count(), (day, name)
        before = told
    assert report_of(on(26), HERE).total.figures["new"] == 0


def _a_life(draw: random.Random) -> CaseFile:
    """Somebody followed from some hour on, planned at once or late, released, taken back, released again or closed."""
    moment = at(1) + timedelta(hours=draw.randrange(24 * 10))
    file = make_file(moment, draw.choice([HERE, THERE, OFFICE]))
    expose(file, moment)
    for _version in range(draw.randrange(3)):
        made = moment + timedelta(hours=draw.randrange(48))
        first = made.date() + timedelta(days=draw.randrange(-3, 2))
        make_plan(file, first, first + timedelta(days=7), draw.choice(["centralised", "home", "test"]), made=made)
        moment = made
    if draw.random() < 0.4:
        back = moment + timedelta(hours=1 + draw.randrange(72))
        release(file, moment, revoked=back)
        moment = back
    if draw.random() < 0.3:
        swab(file, moment + timedelta(hours=1))
    end = moment + timedelta(hours=draw.randrange(72))
    ways: dict[str, Any] = {
        "released": lambda: release(file, end),
        "closed": lambda: CaseFile.objects.filter(pk=file.pk).update(state=FileState.CLOSED, closed_at=end),
        "followed": lambda: None,
    }
    ways[draw.choice(list(ways))]()
    return file


def test_a_past_day_stays_as_it_was() -> None:
    file = make_file(at(3, 10), reached_at=at(3, 12))
    expose(file, at(3, 10))
    make_plan(file, on(3), on(17), "centralised", made=at(3, 11), reports=2)
    swab(file, at(4), result="", size=1)
    Alert.objects.create(file=file, town=HERE, kind="fever", raised_at=at(4, 20))
    other = make_file(at(3, 23), THERE)
    then = [without_words(report_of(on(day), OFFICE)) for day in range(2, 6)]

    make_plan(file, on(6), on(30), "home", made=at(6))
    release(file, at(7), revoked=at(8))
    release(file, at(9))
    tube = file.swabs.get().tube
    tube.result, tube.resulted_at, tube.voided_at = "positive", at(6, 1), at(6, 2)
    tube.save()
    CaseFile.objects.filter(pk=other.pk).update(state=FileState.CLOSED, closed_at=at(6))
    CaseFile.objects.filter(pk=file.pk).update(measure="", waiting_since=None, confirmed_at=at(8))
    assert [without_words(report_of(on(day), OFFICE)) for day in range(2, 6)] == then
    assert figures(4)["centralised"] == 1
    assert figures(6)["home"] == 1
    assert figures(7) | {"released": 1, "followed": 0} == figures(7)
    assert figures(8) | {"new": 1, "followed": 1, "none": 1, "released": 0} == figures(8)
    assert figures(9) | {"released": 1, "followed": 0} == figures(9)


def test_the_day_is_the_offices() -> None:
    make_file(at(5, 0))
    make_file(at(5, 23, 59))
    make_file(at(6, 0))
    assert [figures(day)["new"] for day in (4, 5, 6)] == [0, 2, 1]


def test_a_merged_file_counts_in_the_one_that_took_it() -> None:
    kept = make_file(at(3), THERE)
    merged = make_file(at(4), HERE, merged_into=kept)
    lower = make_file(at(4), HERE, merged_into=merged)
    swab(lower, at(5), result="positive", resulted=at(5, 20))
    swab(kept, at(5))
    Alert.objects.create(file=lower, town=HERE, kind="fever", raised_at=at(5))
    assert figures(5, THERE) | {"followed": 1, "tested": 1, "positive": 1, "alerts": 1} == figures(5, THERE)
    assert not any(figures(5, HERE).values())


# ---- samples, reports, measures --------------------------------------------------------------------------------------


def test_who_waits_is_who_has_no_result_that_settles_it() -> None:
    pooled = [make_file(at(3)) for _number in range(3)]
    first = swab(pooled[0], at(4), size=10)
    for file in pooled[1:]:
        swab(file, at(4), tube=first.tube)
    alone = make_file(at(3))
    swab(alone, at(4), result="negative", resulted=at(5, 1))
    assert [figures(day)["waiting"] for day in (3, 4, 5)] == [0, 4, 3]

    first.tube.result, first.tube.resulted_at = "positive", at(5, 8)
    first.tube.save()
    again = [swab(one.file, at(6), follows=one) for one in first.tube.swabs.all()]
    for one, result in zip(again, ["positive", "negative", "grey"], strict=True):
        one.tube.result, one.tube.resulted_at = result, at(7)
        one.tube.save()
    assert [figures(day)["waiting"] for day in (4, 5, 6, 7)] == [4, 3, 3, 1]
    assert [figures(day)["positive"] for day in (4, 5, 6, 7)] == [0, 0, 0, 1]
    assert [figures(day)["tested"] for day in (4, 5, 6, 7)] == [4, 0, 3, 0]


def test_reports_that_did_not_come_by_the_end_of_the_day() -> None:
    file = make_file(at(3, 10))
    make_plan(file, on(3), on(6), "home", made=at(3, 11), reports=2)
    once = make_file(at(3, 10), THERE)
    make_plan(once, on(3), on(6), "monitor", made=at(3, 11), reports=1)
    say_fine(file, on(4), "am", at(4, 8))
    say_fine(file, on(5), "am", at(5, 8))
    say_fine(file, on(5), "pm", at(6, 1))
    for slot in ("am", "pm"):
        say_fine(once, on(5), slot, at(5, 20))
    assert [figures(day)["missing_reports"] for day in (3, 4, 5, 6, 7)] == [0, 2, 1, 3, 0]
    assert [figures(day)["home"] for day in (3, 6, 7)] == [1, 1, 1], "a measure holds until the release"


def test_nobody_is_in_a_measure_without_a_plan_or_a_reason() -> None:
    withdrawn = make_file(at(3), no_measure="withdrawn")
    expose(withdrawn, at(3), withdrawn=at(5))
    make_plan(withdrawn, on(3), on(16), "home", made=at(3))
    withdrawn.plans.update(current=False)
    case = make_file(at(3), confirmed_at=at(6), no_measure="hospital")
    expose(case, at(3))
    make_plan(case, on(3), on(16), "centralised", made=at(3))
    told = [(figures(day)["home"], figures(day)["centralised"], figures(day)["none"]) for day in (3, 4, 5, 6)]
    assert told == [(1, 1, 0), (1, 1, 0), (0, 1, 1), (0, 0, 2)]


# ---- refused ---------------------------------------------------------------------------------------------------------


def test_rows_that_disagree_make_no_report(capsys: pytest.CaptureFixture[str]) -> None:
    make_file(at(5), state=FileState.RELEASED, released_at=at(4))
    with pytest.raises(DubanError) as refusal:
        report_of(on(5), OFFICE)
    assert refusal.value.code == "report_does_not_add_up"
    with pytest.raises(CommandError, match="report_does_not_add_up"):
        call_command("care_report", date="2021-01-05")


@pytest.mark.parametrize("text", ["", "2021-13-01", "yesterday", "0001-01-01", "2021-1-5"])
def test_a_day_is_written_in_one_way(text: str) -> None:
    with pytest.raises(DubanError) as refusal:
        days.read_day(text)
    assert refusal.value.code == "bad_day"


# ---- who is told what ------------------------------------------------------------------------------------------------


def people(number: int, town: str, **changes: Any) -> None:
    for _each in range(number):
        make_file(at(5), town, **changes)


def test_small_numbers_are_told_to_health_officers_alone() -> None:
    people(12, HERE, reached_at=at(5))
    people(3, THERE)
    officer, leader = make_person("officer", "health_officer", OFFICE), make_person("leader", "leader", OFFICE)
    made = report_of(on(5), OFFICE)
    assert as_told(officer, made, OFFICE).total.figures["followed"] == 15
    told = as_told(leader, made, OFFICE)
    assert [line.figures["followed"] for line in told.by_town] == [None, 12]
    assert told.total.figures["followed"] is None, "it would follow from the sum"
    assert told.total.figures["reached"] == 12
    assert all(part not in told.sentence["zh"] for part in ("3人", "15人"))
    assert told.total.figures["positive"] == 0


@pytest.mark.parametrize(
    ("true", "told"),
    [
        ([12, 30], 42),
        ([12, 3], None),
        ([12, 3, 4], None),
        ([12, 6, 7], 25),
        ([12, 9, 0], None),
        ([0, 0], 0),
        ([5], None),
    ],
)
def test_a_sum_is_told_where_nothing_hidden_follows_from_it(true: list[int], told: int | None) -> None:
    assert told_total(true, [None if 0 < number < 10 else number for number in true]) == told


def test_whoever_has_no_role_there_reads_none(db: None) -> None:
    there = make_person("there", "leader", THERE)
    make_file(at(5), HERE)
    client, day = client_of(there), on(5).isoformat()
    for address in ("/outbreak/report/", "/outbreak/report/following.xlsx", "/outbreak/funnel/"):
        assert client.get(address, {"on": day, "at": OFFICE}).status_code == 403
        assert client.get(address, {"on": day}).status_code == 200
    assert b"Nobody was followed on this day" in client.get("/outbreak/report/", {"on": day}).content


# ---- words and command -----------------------------------------------------------------------------------------------


def test_the_sentence_says_what_the_figures_say() -> None:
    told = dict.fromkeys(FIGURES, 0) | {
        "followed": 2000, "new": 120, "released": 20, "centralised": 300, "home": 1699, "none": 1, "reached": 1,
        "tested": 980, "positive": 1, "waiting": 45, "missing_reports": 12,
    }  # fmt: skip
    said = sentence.daily(on(20), "通州区", told)
    assert said["zh"] == (
        "2021年1月20日，通州区在管2,000人，新增120人，解除20人；其中集中隔离300人，居家隔离1,699人，不在措施中1人，"
        "等候检测结果45人；当日联系到1人，采样980人，检出阳性1人，缺报12人次。"
    )
    assert said["en"] == (
        "On 20 January 2021, 通州区: 2,000 people were followed, 120 of them new, 20 released. 300 in centralised "
        "isolation; 1,699 isolated at home; 1 in no measure; 45 waiting for a result. 1 person was reached, 980 were "
        "sampled, 1 was positive, 12 reports were missing."
    )
    nothing = sentence.daily(on(20), "", dict.fromkeys(FIGURES, 0))
    assert nothing == {"zh": "2021年1月20日，没有随访对象。", "en": "On 20 January 2021, nobody was followed."}
    hidden = sentence.daily(on(20), "通州区", dict.fromkeys(FIGURES))
    assert hidden["zh"] == "2021年1月20日，通州区人数从略。"


def test_the_command_prints_the_shape_of_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    import json

    people(2, HERE)
    call_command("care_report", date="2021-01-05", json=True)
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(told) == {"date", "office", "by_town", "totals", "sentence"}
    assert told["office"]["code"] == OFFICE
    assert set(told["by_town"][0]) == {"code", "name", *FIGURES}
    assert told["totals"]["followed"] == told["by_town"][0]["followed"] == 2
    call_command("care_report", date="2021-01-05", at=THERE)
    assert "没有随访对象" in capsys.readouterr().out


def test_the_command_refuses_what_is_no_day() -> None:
    with pytest.raises(CommandError, match="bad_day"):
        call_command("care_report", date="2021-02-30")
