"""The exposure column: two persons, the right of reply, expiry, correction, and no name of anybody."""

import json
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from tests.patrol.exposing import expose, make_checklist, make_venue, make_visit, mend
from tests.people import Held, make_people

from duban.access.actions import start_delegation
from duban.access.models import Person
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON
from duban.patrol import exposure
from duban.patrol.models import CheckListVersion, Exposure, ExposureState, Stand

ROLES = "inspector handler supervisor publisher health_officer community_worker leader administrator".split()
HELD = {role: Held(role) for role in ROLES} | {
    "second": Held("supervisor"),
    "town": Held("supervisor", "110112104"),
    "stranger": Held("supervisor", "110113"),
}
pytestmark = pytest.mark.django_db


@pytest.fixture
def people(db: None) -> dict[str, Person]:
    return make_people(HELD)


@pytest.fixture
def visit(people: dict[str, Person]) -> Any:
    return make_visit(make_venue(), make_checklist(), ("code_scan", "masks", "fire_exit"))


def code_of(act: Callable[..., Any], **options: Any) -> str:
    """The code with which it is refused, or nothing."""
    try:
        with transaction.atomic():
            act(**{"now": NOON} | options)
    except DubanError as refusal:
        return refusal.code
    return ""


def propose(people: dict[str, Person], visit: Any, **options: Any) -> Exposure:
    asked = {"by": people["supervisor"], "now": NOON, "visit_id": visit.pk} | options
    return exposure.propose_exposure(**asked).exposure


# ---- proposing ------------------------------------------------------------------------------------------------------


def test_what_failed_and_may_be_exposed_is_proposed_in_standard_words(people: dict[str, Person], visit: Any) -> None:
    made = propose(people, visit)
    assert [problem["key"] for problem in made.problems] == ["code_scan", "masks"]
    assert made.problems[1] == {"key": "masks", "zh": "从业人员未佩戴口罩", "en": "staff without masks"}
    assert (made.state, made.venue_name, made.town) == ("proposed", "丛林美食", "110112104")
    assert made.reply_until == NOON + timedelta(days=3)
    assert made.expires_on == date(2021, 2, 17)
    record = AuditRecord.objects.get(subject_type="exposure")
    assert (record.action, record.detail["problems"]) == ("propose_exposure", 2)
    assert "丛林" not in json.dumps(record.detail, ensure_ascii=False)


def test_imported_answers_take_the_wording_in_use(people: dict[str, Person]) -> None:
    CheckListVersion.objects.update(state="retired")
    make_checklist()
    visit = make_visit(make_venue(), None, ("masks", "fire_exit"))
    assert [problem["zh"] for problem in propose(people, visit).problems] == ["从业人员未佩戴口罩"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"keys": []}, "nothing_to_expose"),
        ({"keys": ["fire_exit"]}, "not_exposable"),
        ({"keys": ["code_poster"]}, "not_exposable"),
        ({"keys": ["code_scan", "无此项"]}, "not_exposable"),
        ({"reply_until": NOON + timedelta(hours=23)}, "bad_reply_until"),
        ({"reply_until": NOON + timedelta(days=400)}, "bad_reply_until"),
        ({"expires_on": date(2021, 1, 18)}, "bad_expires_on"),
        ({"expires_on": date(2022, 2, 1)}, "bad_expires_on"),
        ({"visit_id": uuid.UUID(int=1)}, "visit_not_found"),
        ({"corrects": uuid.UUID(int=1)}, "exposure_not_found"),
    ],
)
def test_a_bad_proposal_is_refused(options: dict[str, Any], code: str, people: dict[str, Person], visit: Any) -> None:
    assert code_of(propose, people=people, visit=visit, **options) == code
    assert not Exposure.objects.exists()


@pytest.mark.parametrize("state", ["under_way", "void"])
def test_only_a_finished_visit_is_proposed_of(state: str, people: dict[str, Person], visit: Any) -> None:
    type(visit).objects.filter(pk=visit.pk).update(state=state, finished_at=None)
    assert code_of(propose, people=people, visit=visit) == "visit_not_found"


@pytest.mark.parametrize("name", ["张建国面馆", "张 建国 面馆", "王巡查的店"])
def test_no_person_is_printed(name: str, people: dict[str, Person]) -> None:
    visit = make_visit(make_venue(name), make_checklist())
    assert code_of(propose, people=people, visit=visit) == "name_of_person"
    made = propose(people, visit, withhold_name=True)
    assert made.venue_name == "某餐馆" or made.venue_name.startswith("某")
    assert name not in made.venue_name


@pytest.mark.parametrize("number", ["13800138000", "138 0013 8000", "010-1234567", "11010119900307123X"])
def test_no_number_of_a_person_is_printed(number: str, people: dict[str, Person]) -> None:
    visit = make_visit(make_venue(f"面馆{number}"), make_checklist())
    assert code_of(propose, people=people, visit=visit) == "number_in_exposure"
    worded = make_visit(make_venue(), make_checklist(masks=f"未佩戴口罩，电话{number}"))
    assert code_of(propose, people=people, visit=worded) == "number_in_exposure"
    assert not code_of(propose, people=people, visit=worded, keys=["code_scan"])


def test_a_name_found_since_stops_the_approval(people: dict[str, Person], visit: Any) -> None:
    made = propose(people, visit)
    exposure.record_reply(by=people["supervisor"], now=NOON, exposure_id=made.pk, stand="accepts")
    Exposure.objects.filter(pk=made.pk).update(venue_name="张建国的店")
    assert code_of(exposure.approve_exposure, by=people["second"], exposure_id=made.pk) == "name_of_person"


def test_one_proposal_of_a_visit_and_a_replay_is_the_same(people: dict[str, Person], visit: Any) -> None:
    own = uuid.uuid4()
    made = propose(people, visit, exposure_id=own)
    assert propose(people, visit, exposure_id=own).pk == made.pk
    assert code_of(propose, people=people, visit=visit, exposure_id=own, keys=["masks"]) == "exposure_id_taken"
    assert code_of(propose, people=people, visit=visit, by=people["second"], exposure_id=own) == "exposure_id_taken"
    assert code_of(propose, people=people, visit=visit) == "exposure_exists"
    assert Exposure.objects.count() == 1
    exposure.withdraw_exposure(by=people["supervisor"], now=NOON, exposure_id=made.pk, reason="误提")
    assert not code_of(propose, people=people, visit=visit)


def test_visits_that_may_be_proposed_of(people: dict[str, Person], visit: Any) -> None:
    make_visit(make_venue("无问题"), visit.version, ())
    make_visit(make_venue("不曝光项"), visit.version, ("fire_exit",))
    imported = make_visit(make_venue("导入"), None, ("masks",), at=NOON + timedelta(hours=1))
    make_visit(make_venue("邻区", "110113001"), visit.version)
    assert list(exposure.proposable_visits(people["supervisor"])) == [imported, visit]
    propose(people, visit)
    assert list(exposure.proposable_visits(people["supervisor"])) == [imported]
    assert not exposure.proposable_visits(people["publisher"]).exists()


# ---- who may, and from where ----------------------------------------------------------------------------------------


STEPS: dict[str, tuple[Callable[..., Any], dict[str, Any], set[str], set[str]]] = {
    "reply": (exposure.record_reply, {"stand": "accepts"}, {"supervisor", "second", "town"}, {"proposed", "approved"}),
    "approve": (exposure.approve_exposure, {}, {"publisher", "second", "town"}, {"proposed"}),
    "refuse": (exposure.refuse_exposure, {"reason": "证据不足"}, {"publisher", "second", "town"}, {"proposed"}),
    "withdraw": (
        exposure.withdraw_exposure,
        {"reason": "撤回"},
        {"supervisor", "publisher", "second", "town"},
        {"proposed", "approved"},
    ),
}
SEE = {"supervisor", "publisher", "leader", "second", "town"}


@pytest.mark.parametrize("state", ExposureState.values)
@pytest.mark.parametrize("step", STEPS)
def test_who_may_do_what_from_where(step: str, state: str, people: dict[str, Person], visit: Any) -> None:
    act, options, may, from_ = STEPS[step]
    made = propose(people, visit)
    decided = {"decided_by": "publisher", "approved_at": NOON} if state in {"approved", "refused"} else {}
    Exposure.objects.filter(pk=made.pk).update(state=state, stand="accepts", **decided)
    kept = Exposure.objects.filter(pk=made.pk).values().get()
    for who, person in people.items():
        if who not in SEE:
            expected = "exposure_not_found"
        elif who == "supervisor" and step in {"approve", "refuse"}:
            expected = "own_exposure"
        elif who not in may:
            expected = "not_allowed"
        elif state not in from_:
            expected = "wrong_exposure_state"
        else:
            expected = ""
        before = AuditRecord.objects.count()
        point = transaction.savepoint()
        assert code_of(act, by=person, exposure_id=made.pk, **options) == expected, who
        assert AuditRecord.objects.count() == before + (not expected)
        if expected:
            assert Exposure.objects.filter(pk=made.pk).values().get() == kept
        transaction.savepoint_rollback(point)


def test_who_stands_in_for_the_proposer_does_not_decide(people: dict[str, Person], visit: Any) -> None:
    made = propose(people, visit)
    exposure.record_reply(by=people["supervisor"], now=NOON, exposure_id=made.pk, stand="accepts")
    start, end = clock.now(), clock.now() + timedelta(days=1)
    start_delegation(by=people["supervisor"], now=start, taker="inspector", start=start, end=end)
    taker = Person.objects.get(pk=people["inspector"].pk)
    assert code_of(exposure.approve_exposure, by=taker, exposure_id=made.pk) == "own_exposure"


def test_the_database_holds_the_two_persons(people: dict[str, Person], visit: Any) -> None:
    made = propose(people, visit)
    with pytest.raises(IntegrityError), transaction.atomic():
        Exposure.objects.filter(pk=made.pk).update(decided_by="supervisor")


# ---- the reply, and the decision ------------------------------------------------------------------------------------


def test_nobody_approves_while_the_venue_may_still_reply(people: dict[str, Person], visit: Any) -> None:
    made = propose(people, visit)
    step: dict[str, Any] = {"by": people["second"], "exposure_id": made.pk}
    assert code_of(exposure.approve_exposure, **step) == "reply_pending"
    assert code_of(exposure.approve_exposure, now=made.reply_until - timedelta(seconds=1), **step) == "reply_pending"
    assert not code_of(exposure.approve_exposure, now=made.reply_until, **step)


@pytest.mark.parametrize("stand", Stand.values)
def test_any_reply_ends_the_wait_and_only_the_stand_is_printed(
    stand: str, people: dict[str, Person], visit: Any
) -> None:
    made = propose(people, visit)
    exposure.record_reply(
        by=people["supervisor"], now=NOON, exposure_id=made.pk, stand=stand, words="张建国 13800138000 说不公平"
    )
    exposure.approve_exposure(by=people["second"], now=NOON, exposure_id=made.pk)
    (line,) = exposure.printed(exposure.shown(NOON))
    assert line.stand == stand
    assert "张建国" not in str(line)
    assert "13800138000" not in str(line)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"stand": ""}, "bad_stand"),
        ({"stand": "yes"}, "bad_stand"),
        ({"words": "长" * 2001}, "bad_reply"),
        ({"words": "零\x00"}, "bad_reply"),
    ],
)
def test_a_bad_reply_is_refused(options: dict[str, Any], code: str, people: dict[str, Person], visit: Any) -> None:
    made = propose(people, visit)
    asked = {"by": people["supervisor"], "exposure_id": made.pk, "stand": "accepts"} | options
    assert code_of(exposure.record_reply, **asked) == code


def test_a_reply_that_came_meanwhile_is_read_first(people: dict[str, Person], visit: Any) -> None:
    made = propose(people, visit)
    seen = exposure.mark_of(made)
    exposure.record_reply(by=people["supervisor"], now=NOON, exposure_id=made.pk, stand="disputes", words="没有此事")
    step: dict[str, Any] = {"by": people["second"], "exposure_id": made.pk}
    assert code_of(exposure.approve_exposure, seen=seen, **step) == "exposure_changed"
    fresh = exposure.exposure_for(people["second"], made.pk)
    assert not code_of(exposure.approve_exposure, seen=exposure.mark_of(fresh), **step)


@pytest.mark.parametrize("reason", ["", "  ", "长" * 301, "零\x00"])
def test_a_refusal_and_a_withdrawal_say_why(reason: str, people: dict[str, Person], visit: Any) -> None:
    made = propose(people, visit)
    code = "reason_missing" if not reason.strip() else "reason_too_long"
    assert code_of(exposure.refuse_exposure, by=people["second"], exposure_id=made.pk, reason=reason) == code
    assert code_of(exposure.withdraw_exposure, by=people["second"], exposure_id=made.pk, reason=reason) == code


def test_of_a_voided_visit_nothing_is_exposed(people: dict[str, Person], visit: Any) -> None:
    made = propose(people, visit)
    exposure.record_reply(by=people["supervisor"], now=NOON, exposure_id=made.pk, stand="accepts")
    type(visit).objects.filter(pk=visit.pk).update(state="void")
    assert code_of(exposure.approve_exposure, by=people["second"], exposure_id=made.pk) == "visit_void"


def test_what_waited_past_its_last_day_is_proposed_anew(people: dict[str, Person], visit: Any) -> None:
    made = propose(people, visit, expires_on=date(2021, 1, 20))
    late = NOON + timedelta(days=3)
    assert code_of(exposure.approve_exposure, by=people["second"], exposure_id=made.pk, now=late) == "exposure_expired"


# ---- what the public sees -------------------------------------------------------------------------------------------


def test_it_is_shown_until_its_last_day_has_passed(people: dict[str, Person], visit: Any) -> None:
    made = propose(people, visit, expires_on=date(2021, 1, 25))
    assert not exposure.shown(NOON).exists()
    exposure.record_reply(by=people["supervisor"], now=NOON, exposure_id=made.pk, stand="accepts")
    exposure.approve_exposure(by=people["second"], now=NOON, exposure_id=made.pk)
    assert list(exposure.shown(NOON)) == [made]
    midnight = NOON.replace(day=25, hour=16)  # of the office's clock, 26 January
    assert exposure.shown(midnight - timedelta(seconds=1)).exists()
    assert not exposure.shown(midnight).exists()


def test_it_says_which_problem_was_seen_mended_since(people: dict[str, Person], visit: Any) -> None:
    expose(visit, by=people["supervisor"], second=people["second"])
    mend(visit, "masks", at=NOON + timedelta(days=2))
    (line,) = exposure.printed(exposure.shown(NOON + timedelta(days=2)))
    assert [problem["mended_on"] for problem in line.problems] == [None, date(2021, 1, 20)]
    assert (line.town_name, line.visited_on) == ("110112104", date(2021, 1, 18))


def test_a_later_failure_of_the_same_item_does_not_mend_the_earlier(people: dict[str, Person], visit: Any) -> None:
    mend(visit, "masks", at=NOON + timedelta(days=1))
    later = make_visit(visit.venue, visit.version, ("masks",), at=NOON + timedelta(days=2))
    expose(later, by=people["supervisor"], second=people["second"], now=NOON + timedelta(days=3))
    (line,) = exposure.printed(exposure.shown(NOON + timedelta(days=3)))
    assert [(problem["key"], problem["mended_on"]) for problem in line.problems] == [("masks", None)]


def test_a_correction_stands_in_the_place_of_the_old(people: dict[str, Person], visit: Any) -> None:
    old = expose(visit, by=people["supervisor"], second=people["second"])
    new = propose(people, visit, corrects=old.pk, keys=["masks"])
    assert code_of(propose, people=people, visit=visit, corrects=old.pk, keys=[]) == "exposure_exists"
    assert list(exposure.shown(NOON)) == [old]
    exposure.record_reply(by=people["supervisor"], now=NOON, exposure_id=new.pk, stand="accepts")
    exposure.approve_exposure(by=people["second"], now=NOON, exposure_id=new.pk)
    (line,) = exposure.printed(exposure.shown(NOON))
    assert (line.id, line.corrects, line.corrects_of) == (new.pk, old.pk, date(2021, 1, 18))
    old.refresh_from_db()
    assert (old.state, old.reason) == ("withdrawn", exposure.CORRECTED)
    assert code_of(propose, people=people, visit=visit, corrects=old.pk) == "wrong_exposure_state"


def test_a_correction_of_what_was_withdrawn_meanwhile_is_refused(people: dict[str, Person], visit: Any) -> None:
    old = expose(visit, by=people["supervisor"], second=people["second"])
    new = propose(people, visit, corrects=old.pk, keys=[])
    exposure.record_reply(by=people["supervisor"], now=NOON, exposure_id=new.pk, stand="accepts")
    exposure.withdraw_exposure(by=people["second"], now=NOON, exposure_id=old.pk, reason="查无实据")
    assert code_of(exposure.approve_exposure, by=people["second"], exposure_id=new.pk) == "wrong_exposure_state"


def test_a_retraction_has_no_problems_left(people: dict[str, Person], visit: Any) -> None:
    old = expose(visit, by=people["supervisor"], second=people["second"])
    expose(visit, by=people["supervisor"], second=people["second"], corrects=old.pk, keys=[])
    (line,) = exposure.printed(exposure.shown(NOON))
    assert line.retracts
    assert line.problems == []


def test_printing_asks_as_often_for_many_as_for_few(
    people: dict[str, Person], django_assert_max_num_queries: Any
) -> None:
    version = make_checklist()
    for number in range(20):
        visit = make_visit(make_venue(f"店{number}", f"1101121{number:02}"), version)
        expose(visit, by=people["supervisor"], second=people["second"])
    with django_assert_max_num_queries(4):
        assert len(exposure.printed(exposure.shown(NOON))) == 20
