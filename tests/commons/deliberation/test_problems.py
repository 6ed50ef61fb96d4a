"""Problems become entries of the ledger, carry out what was decided, and each gets an answer."""

import pytest
from tests.commons.building import COMMUNITY
from tests.commons.deliberation.building import LATER, MET, Neighbourhood, refused

from duban.commons.deliberation import actions, places, problems, shown
from duban.commons.models import Problem
from duban.demo.builders import NOON, make_finding, make_person, make_photo
from duban.ledger import actions as ledger
from duban.ledger import mandates
from duban.ledger.models import Entry
from duban.ledger.recording import record_finding
from duban.ledger.told import entries_told

pytestmark = pytest.mark.django_db


def listed(home: Neighbourhood, topic: object, text: str = "三层堆放旧家具", photo: str = "") -> Problem:
    return problems.list_problem(by=home.worker, now=NOON, topic_id=topic.pk, text=text, photo=photo)  # type: ignore[attr-defined]


def on_ledger(home: Neighbourhood, problem: Problem, **more: object) -> Problem:
    return problems.problem_to_entry(by=home.worker, now=LATER, problem_id=problem.pk, category="06036", **more)


def test_a_problem_becomes_an_entry_once_where_its_place_lies(home: Neighbourhood) -> None:
    photo = make_photo(1, by=home.worker)
    problem = listed(home, home.topic(), photo=photo)
    entry = Entry.objects.get(pk=on_ledger(home, problem).entry)
    assert on_ledger(home, problem).entry == entry.pk
    assert Entry.objects.count() == 1
    # The entrance has no position of its own; its estate has.
    assert (entry.lon, entry.lat, entry.jurisdiction) == (116.66, 39.89, COMMUNITY)
    assert entry.statement.endswith("艺苑西里 3号楼 2单元")
    assert (entry.description, entry.responsible) == ("三层堆放旧家具", COMMUNITY[:9])
    assert [one.photo_id for one in entry.photos.all()] == [photo]


def test_what_is_listed_twice_is_one(home: Neighbourhood) -> None:
    topic = home.topic()
    first = listed(home, topic)
    photo = make_photo(2, by=home.worker)
    assert listed(home, topic, photo=photo) == first
    assert Problem.objects.get().photo == photo
    assert refused(lambda: listed(home, topic, "长" * 301)) == "problem_text"
    assert refused(lambda: listed(home, topic, "有照片", "0" * 64)) == "unknown_photo"


def test_a_place_that_nobody_can_find_takes_no_entry(home: Neighbourhood) -> None:
    lost = places.make_place(by=home.worker, now=NOON, kind="entrance", name="平房", jurisdiction=COMMUNITY)
    problem = listed(home, home.topic(lost))
    assert refused(lambda: on_ledger(home, problem)) == "place_nowhere"
    assert on_ledger(home, problem, lon=116.7, lat=39.9).entry is not None


def test_refusals_of_the_ledger_leave_nothing_half_done(home: Neighbourhood) -> None:
    problem = listed(home, home.topic())
    wrong = {"by": home.worker, "now": LATER, "problem_id": problem.pk}
    assert refused(lambda: problems.problem_to_entry(category="99999", **wrong)) == "unknown_category"
    assert refused(lambda: problems.problem_to_entry(category="06036", description="长" * 2001, **wrong)) == (
        "description_too_long"
    )
    supervisor = make_person("super", "supervisor", "110112")
    assert refused(lambda: problems.problem_to_entry(category="06036", **(wrong | {"by": supervisor}))) == "not_allowed"
    problem.refresh_from_db()
    assert problem.entry is None
    assert not Entry.objects.exists()


def test_entries_carry_out_the_decision_whichever_comes_first(home: Neighbourhood) -> None:
    topic = home.topic()
    before, after = on_ledger(home, listed(home, topic)), listed(home, topic, "灯坏")
    home.held(topic)
    decision = actions.decide_topic(
        by=home.worker, now=LATER, topic_id=topic.pk, text="清理", problems=[before.pk, after.pk]
    )
    assert mandates.work_of([decision.pk], LATER)[decision.pk].entries == 1
    on_ledger(home, after)
    # One decision alone: what is put on the ledger later carries it out as well.
    third = on_ledger(home, listed(home, topic, "门坏"))
    third.refresh_from_db()
    assert third.decision == decision
    assert mandates.work_of([decision.pk], LATER)[decision.pk].entries == 3
    actions.decide_topic(by=home.worker, now=LATER, topic_id=topic.pk, text="另一件")
    fourth = on_ledger(home, listed(home, topic, "墙脏"))
    fourth.refresh_from_db()
    assert fourth.decision is None


def test_the_ledger_tells_how_far_it_is_and_how_it_looked_after(home: Neighbourhood) -> None:
    supervisor, handler = make_person("super"), make_person("handler", "handler", COMMUNITY[:9])
    problem = on_ledger(home, listed(home, home.topic(), photo=make_photo(3, by=home.worker)))
    step = {"now": LATER, "entry_id": problem.entry}
    told = entries_told([problem.entry, None], LATER)[problem.entry]
    assert (told.state, told.open, told.after) == ("found", True, "")
    ledger.list_entry(by=supervisor, **step)
    ledger.assign_entry(by=supervisor, unit=COMMUNITY[:9], **step)
    first, last = make_photo(4, by=handler), make_photo(5, by=handler)
    ledger.submit_remedy(by=handler, photos=[first], **step)
    assert entries_told([problem.entry], LATER)[problem.entry].after == ""
    ledger.reject_remedy(by=supervisor, reason="不干净", **step)
    ledger.submit_remedy(by=handler, photos=[last], **step)
    ledger.close_entry(by=supervisor, **step)
    told = entries_told([problem.entry], LATER)[problem.entry]
    assert (told.state, told.open, told.after) == ("closed", False, last)
    assert shown.problems_of(problem.topic, LATER)[0].is_pair


def test_an_entry_that_went_into_another_is_told_as_that_one(home: Neighbourhood) -> None:
    supervisor = make_person("super")
    problem = on_ledger(home, listed(home, home.topic()))
    target = record_finding(by=supervisor, now=NOON, finding=make_finding()).entry
    ledger.merge_entry(by=supervisor, now=LATER, entry_id=problem.entry, into=target.pk)
    assert entries_told([problem.entry], LATER)[problem.entry].number == target.number
    assert entries_told([], LATER) == {}


def test_an_answer_is_changed_until_the_topic_is_closed(home: Neighbourhood) -> None:
    problem = listed(home, home.topic())
    answer = {"by": home.worker, "problem_id": problem.pk}
    assert refused(lambda: problems.answer_problem(now=MET, answer="  ", **answer)) == "answer_missing"
    assert refused(lambda: problems.answer_problem(now=MET, answer="请打13800138000", **answer)) == "personal_number"
    problems.answer_problem(now=MET, answer="周六清理", **answer)
    problems.answer_problem(now=LATER, answer="周六清理", **answer)
    problem.refresh_from_db()
    assert (problem.answer, problem.answered_at, problem.answered_by["username"]) == ("周六清理", MET, "worker")
    assert refused(lambda: problems.drop_problem(by=home.worker, now=LATER, problem_id=problem.pk)) == (
        "problem_under_way"
    )
    actions.close_topic(by=home.worker, now=LATER, topic_id=problem.topic_id)
    assert refused(lambda: problems.answer_problem(now=LATER, answer="改", **answer)) == "topic_closed"


def test_what_was_listed_by_mistake_goes(home: Neighbourhood) -> None:
    problem = listed(home, home.topic())
    problems.drop_problem(by=home.worker, now=NOON, problem_id=problem.pk)
    assert refused(lambda: problems.drop_problem(by=home.worker, now=NOON, problem_id=problem.pk)) == (
        "problem_not_found"
    )
