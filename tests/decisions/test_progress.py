"""A decision is as far as the work that is linked to it, whatever its kind; unlinked it is not seen through."""

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from tests.decisions.world import DISTRICT, NOW, TODAY, TOWN, Office, make_office

from duban.access.models import Person
from duban.commons import mandates as commons
from duban.commons.models import Delivery, Pledge
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.decisions import actions
from duban.decisions.actions import Unit
from duban.decisions.mandates import share_of
from duban.decisions.models import Decision, DecisionNotice
from duban.decisions.queries import decision_for, meeting_for
from duban.decisions.reminders import mark_read, notices_of
from duban.demo.builders import NOON, make_finding, make_person, make_photo
from duban.ledger import actions as ledger_actions
from duban.ledger import mandates as ledger
from duban.ledger.models import Entry
from duban.ledger.queries import Filters, entries_for
from duban.ledger.recording import record_finding
from duban.outbreak import mandates as outbreak
from duban.outbreak.models import CaseFile, VenueSampling
from duban.outbreak.venue_sampling.frequencies import put_level_in_force
from duban.patrol import mandates as patrol
from duban.patrol.models import PatrolRound, RoundVenue, Visit
from duban.patrol.rounds import close_round
from duban.web.decision_work import change_link
from duban.web.progress import MOST_UNFINISHED, Progress, Standing, has_work, percent_of, progress_of
from duban.web.reminders import remind_of_decisions

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(db: None) -> Office:
    return make_office()


def refused(work: Callable[[], object]) -> str:
    with pytest.raises(DubanError) as refusal:
        work()
    return refusal.value.code


def so_far(decision: Decision, reader: Person | None = None) -> Progress:
    decision.refresh_from_db()
    return progress_of([decision], NOW, reader=reader)[decision.pk]


def idle() -> set[uuid.UUID]:
    return set(Decision.objects.filter(~has_work()).values_list("pk", flat=True))


def close(office: Office, entry: Entry) -> None:
    step: dict[str, Any] = {"now": NOON, "entry_id": entry.pk}
    ledger_actions.list_entry(by=office.supervisor, **step)
    ledger_actions.assign_entry(by=office.supervisor, unit=TOWN, **step)
    photo = make_photo(entry.pk.int % 1000, by=office.handler)
    ledger_actions.submit_remedy(by=office.handler, photos=[photo], **step)
    ledger_actions.close_entry(by=office.supervisor, **step)


# ---- each kind of work ----------------------------------------------------------------------------------------------


def test_without_work_it_is_not_seen_through_and_a_link_says_how_far_it_is(office: Office) -> None:
    decision = office.decide()
    assert so_far(decision).standing == Standing.NO_WORK
    assert so_far(decision).percent is None
    assert idle() == {decision.pk}
    done, open_ = office.entry(1), office.entry(2)
    close(office, done)
    for entry in (done, open_):
        ledger.link_entry(by=office.supervisor, now=NOW, entry_id=entry.pk, decision_id=decision.pk)
    # The other one is past its deadline by now.
    assert (so_far(decision).standing, so_far(decision).percent) == (Standing.BEHIND, 50)
    assert progress_of([decision], NOON)[decision.pk].standing == Standing.UNDER_WAY
    assert idle() == set()
    for entry in (done, open_):
        ledger.unlink_entry(by=office.supervisor, now=NOW, entry_id=entry.pk, decision_id=decision.pk)
    assert so_far(decision).standing == Standing.NO_WORK
    assert idle() == {decision.pk}


def test_void_entries_are_no_work_and_merged_or_split_ones_go_on_as_others(office: Office) -> None:
    decision = office.decide()
    first, second, third = (office.entry(seed) for seed in (1, 2, 3))
    for entry in (first, second, third):
        ledger.link_entry(by=office.supervisor, now=NOW, entry_id=entry.pk, decision_id=decision.pk)
    ledger_actions.list_entry(by=office.supervisor, now=NOON, entry_id=first.pk)
    ledger_actions.merge_entry(by=office.supervisor, now=NOON, entry_id=first.pk, into=second.pk)
    assert so_far(decision).pieces == 2
    ledger_actions.void_entry(by=office.supervisor, now=NOON, entry_id=third.pk, reason="误报")
    assert so_far(decision).pieces == 1
    whole = record_finding(by=office.supervisor, now=NOON, finding=make_finding(9)).entry
    split = office.decide("拆分")
    ledger.link_entry(by=office.supervisor, now=NOW, entry_id=whole.pk, decision_id=split.pk)
    ledger_actions.list_entry(by=office.supervisor, now=NOON, entry_id=whole.pk)
    ledger_actions.split_entry(
        by=office.supervisor, now=NOON, entry_id=whole.pk, units=["110112110", TOWN], reason="两镇交界"
    )
    assert so_far(split).pieces == 2
    alone = office.decide("只有作废的")
    ledger.link_entry(by=office.supervisor, now=NOW, entry_id=third.pk, decision_id=alone.pk)
    assert so_far(alone).standing == Standing.NO_WORK
    assert alone.pk in idle()


def visit(office: Office, row: RoundVenue) -> None:
    Visit.objects.create(
        id=uuid.uuid4(), venue=row.venue, round=row.round, state="finished", inspector=office.supervisor.as_actor(),
        username=office.supervisor.username, jurisdiction=TOWN, town=TOWN, visited_at=NOON, finished_at=NOON,
    )  # fmt: skip


def test_a_round_is_as_far_as_its_venues_are_visited(office: Office) -> None:
    decision, round_ = office.decide(), office.round(3)
    for _time in range(2):
        patrol.link_round(by=office.supervisor, now=NOW, round_id=round_.pk, decision_id=decision.pk)
    rows = list(RoundVenue.objects.filter(round=round_))
    assert (so_far(decision).percent, so_far(decision).standing) == (0, Standing.BEHIND)
    for row in rows[:2]:
        visit(office, row)
    assert so_far(decision).percent == 66
    visit(office, rows[2])
    assert (so_far(decision).percent, so_far(decision).standing) == (100, Standing.DONE)
    patrol.unlink_round(by=office.supervisor, now=NOW, round_id=round_.pk, decision_id=decision.pk)
    assert so_far(decision).standing == Standing.NO_WORK


def test_a_round_closed_with_venues_missed_is_over(office: Office) -> None:
    decision, round_ = office.decide(), office.round(2)
    patrol.link_round(by=office.supervisor, now=NOW, round_id=round_.pk, decision_id=decision.pk)
    visit(office, RoundVenue.objects.filter(round=round_)[0])
    close_round(by=office.supervisor, now=NOW, round_id=round_.pk, reason="一家歇业")
    found = so_far(decision)
    assert found.standing == Standing.DONE
    assert (found.strands[0].work.done, found.strands[0].work.of) == (1, 2)


def test_an_order_is_as_far_as_its_people_are_brought_through_what_it_asks(office: Office) -> None:
    decision = office.decide()
    area, files = office.order(12)
    outbreak.link_order(by=office.officer, now=NOW, area_id=area.pk, decision_id=decision.pk)
    assert so_far(decision).percent == 0
    keys = [file.pk for file in files]
    CaseFile.objects.filter(pk__in=keys).update(tested_at=NOW)
    assert so_far(decision).percent == 0, "an order of isolation is not done by a test"
    CaseFile.objects.filter(pk__in=keys[:6]).update(isolated_at=NOW)
    assert so_far(decision).percent == 50
    CaseFile.objects.filter(pk__in=keys).update(isolated_at=NOW)
    assert so_far(decision).standing == Standing.DONE
    outbreak.unlink_order(by=office.officer, now=NOW, area_id=area.pk, decision_id=decision.pk)
    assert so_far(decision).standing == Standing.NO_WORK


def test_an_order_of_tests_is_done_by_tests_and_one_nobody_came_under_is_not_done(office: Office) -> None:
    decision = office.decide()
    area, files = office.order(10, measure="test")
    empty, _nobody = office.order(0, key="elsewhere", name="别处")
    for one in (area, empty):
        outbreak.link_order(by=office.supervisor, now=NOW, area_id=one.pk, decision_id=decision.pk)
    CaseFile.objects.filter(pk__in=[file.pk for file in files]).update(tested_at=NOW)
    assert (so_far(decision).percent, so_far(decision).standing) == (50, Standing.UNDER_WAY)


@pytest.mark.parametrize(("people", "through"), [(4, 2), (12, 9), (12, 3), (25, 24)])
def test_small_numbers_of_people_are_told_to_health_officers_alone(office: Office, people: int, through: int) -> None:
    decision = office.decide()
    area, files = office.order(people)
    outbreak.link_order(by=office.officer, now=NOW, area_id=area.pk, decision_id=decision.pk)
    CaseFile.objects.filter(pk__in=[file.pk for file in files[:through]]).update(isolated_at=NOW)
    found = so_far(decision, office.leader)
    work = found.strands[0].work
    assert (work.done, work.of, work.share) == (0, 0, 0.0)
    assert (found.percent, found.strands[0].percent) == (None, None)
    known = so_far(decision, office.officer).strands[0].work
    assert (known.done, known.of) == (through, people)


def test_large_numbers_of_people_are_told(office: Office) -> None:
    decision = office.decide()
    area, files = office.order(24)
    outbreak.link_order(by=office.officer, now=NOW, area_id=area.pk, decision_id=decision.pk)
    CaseFile.objects.filter(pk__in=[file.pk for file in files[:12]]).update(isolated_at=NOW)
    work = so_far(decision, office.leader).strands[0].work
    assert (work.done, work.of) == (12, 24)


def test_sampling_counts_what_was_due_and_is_over_when_another_level_holds(office: Office) -> None:
    decision, level = office.decide(), office.sampling()
    outbreak.link_sampling(by=office.supervisor, now=NOW, level_id=level.pk, decision_id=decision.pk)
    first = VenueSampling.objects.earliest("due_on")
    due = VenueSampling.objects.filter(due_on__lt=TODAY).count()
    assert due >= 1
    assert (so_far(decision).percent, so_far(decision).standing) == (0, Standing.BEHIND)
    VenueSampling.objects.filter(pk=first.pk).update(done_at=NOW, done_by=office.officer.as_actor())
    work = so_far(decision).strands[0].work
    assert (work.done, work.of) == (1, due)
    VenueSampling.objects.filter(due_on__lt=TODAY).update(done_at=NOW, done_by=office.officer.as_actor())
    assert so_far(decision).percent == MOST_UNFINISHED, "it goes on while the level is in force"
    put_level_in_force(by=office.officer, now=NOW, code=DISTRICT, level="low", since=TODAY, source="通知")
    assert so_far(decision).standing == Standing.DONE


def test_a_need_is_as_far_as_what_was_seen_to_be_brought(office: Office) -> None:
    decision, other, need = office.decide(), office.decide("另一项"), office.need(10)
    commons.link_need(by=office.worker, now=NOW, need_id=need.pk, decision_id=decision.pk)
    second = {"by": office.worker, "now": NOW, "need_id": need.pk, "decision_id": other.pk}
    assert refused(lambda: commons.link_need(**second)) == "need_has_decision"
    pledge = Pledge.objects.create(need=need, partner="运河中学", sealed=b"", digest="x", number=10, at=NOW)
    Delivery.objects.create(pledge=pledge, number=4, at=NOW)
    assert so_far(decision).percent == 0
    Delivery.objects.update(verified_at=NOW)
    assert so_far(decision).percent == 40
    commons.unlink_need(by=office.worker, now=NOW, need_id=need.pk, decision_id=other.pk)
    assert so_far(decision).percent == 40, "it was not linked to the other one"
    commons.unlink_need(by=office.worker, now=NOW, need_id=need.pk, decision_id=decision.pk)
    assert so_far(decision).standing == Standing.NO_WORK


# ---- together -------------------------------------------------------------------------------------------------------


def test_every_piece_counts_the_same_and_only_all_of_them_make_a_hundred(office: Office) -> None:
    decision, round_, entry = office.decide(), office.round(2), office.entry()
    patrol.link_round(by=office.supervisor, now=NOW, round_id=round_.pk, decision_id=decision.pk)
    ledger.link_entry(by=office.supervisor, now=NOW, entry_id=entry.pk, decision_id=decision.pk)
    assert [strand.kind for strand in so_far(decision).strands] == ["round", "entry"]
    close(office, entry)
    assert so_far(decision).percent == 50
    for row in RoundVenue.objects.filter(round=round_):
        visit(office, row)
    assert so_far(decision).standing == Standing.DONE


def test_the_day_makes_it_late_and_its_own_end_counts_more(office: Office) -> None:
    decision, entry = office.decide(due_on=TODAY - timedelta(days=1)), office.entry()
    ledger.link_entry(by=office.supervisor, now=NOW, entry_id=entry.pk, decision_id=decision.pk)
    assert so_far(decision).standing == Standing.LATE
    actions.close_decision(by=office.supervisor, now=NOW, decision_id=decision.pk, report="已办结")
    assert so_far(decision).standing == Standing.CLOSED
    gone = office.decide("撤回的")
    actions.withdraw_decision(by=office.supervisor, now=NOW, decision_id=gone.pk, reason="情况变了")
    assert so_far(gone).standing == Standing.WITHDRAWN


@given(
    pieces=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=40),
    finished=st.booleans(),
)
def test_per_cent_lies_within_and_says_a_hundred_of_the_finished_alone(
    pieces: list[tuple[int, int]], finished: bool
) -> None:
    share = sum(share_of(min(done, of), of) for done, of in pieces)
    assert 0 <= percent_of(share, len(pieces), finished=finished) <= 100
    assert (percent_of(share, len(pieces), finished=finished) == 100) == finished


def test_many_decisions_cost_no_more_queries_than_one(
    office: Office, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    round_, (area, _files), level, need = office.round(), office.order(3), office.sampling(), office.need()
    for number in range(8):
        decision = office.decide(f"第{number}项")
        entry = office.entry(number + 20)
        ledger.link_entry(by=office.supervisor, now=NOW, entry_id=entry.pk, decision_id=decision.pk)
        patrol.link_round(by=office.supervisor, now=NOW, round_id=round_.pk, decision_id=decision.pk)
        outbreak.link_order(by=office.supervisor, now=NOW, area_id=area.pk, decision_id=decision.pk)
        outbreak.link_sampling(by=office.supervisor, now=NOW, level_id=level.pk, decision_id=decision.pk)
        if not number:
            commons.link_need(by=office.worker, now=NOW, need_id=need.pk, decision_id=decision.pk)
    decisions = list(Decision.objects.all())
    with django_assert_max_num_queries(16):
        found = progress_of(decisions, NOW, reader=office.leader)
    assert {len(one.strands) for one in found.values()} == {4, 5}


# ---- who links, and what stays on the books -------------------------------------------------------------------------


def test_whoever_does_the_work_or_recorded_the_decision_links(office: Office) -> None:
    decision, round_ = office.decide(), office.round()
    area, _files = office.order(1)
    stranger = make_person("stranger", at="110113")
    for link, work in (
        (patrol.link_round, {"round_id": round_.pk}),
        (outbreak.link_order, {"area_id": area.pk}),
    ):
        for by, code in ((office.leader, "not_allowed"), (stranger, None)):
            said = {"by": by, "now": NOW, "decision_id": decision.pk, **work}
            found = refused(lambda link=link, said=said: link(**said))
            assert found == code or (code is None and found.endswith("_not_found"))
    absent = {"by": office.supervisor, "now": NOW, "round_id": round_.pk, "decision_id": uuid.uuid4()}
    assert refused(lambda: patrol.link_round(**absent)) == "decision_not_found"
    assert not PatrolRound.objects.filter(mandates__isnull=False).exists()


def test_links_and_their_ends_are_on_the_books_once(office: Office) -> None:
    decision, round_ = office.decide(), office.round()
    given: dict[str, Any] = {"by": office.supervisor, "now": NOW, "round_id": round_.pk, "decision_id": decision.pk}
    for act in (patrol.link_round, patrol.link_round, patrol.unlink_round, patrol.unlink_round, patrol.link_round):
        act(**given)
    told = AuditRecord.objects.filter(subject_id=str(decision.pk)).exclude(action="record_decision").order_by("pk")
    assert list(told.values_list("action", flat=True)) == ["link_round", "unlink_round", "link_round"]
    assert round_.mandates.count() == 2
    assert patrol.standing().count() == 1


def test_the_ledger_lists_the_entries_of_a_decision_as_far_as_they_are_in_sight(office: Office) -> None:
    decision, entry = office.decide(), office.entry()
    office.entry(2)
    ledger.link_entry(by=office.supervisor, now=NOW, entry_id=entry.pk, decision_id=decision.pk)
    filters = Filters(decision=str(decision.pk))
    assert list(entries_for(office.supervisor, filters, now=NOW)) == [entry]
    assert not entries_for(make_person("elsewhere", "inspector", "110113"), filters, now=NOW)
    ledger.unlink_entry(by=office.supervisor, now=NOW, entry_id=entry.pk, decision_id=decision.pk)
    assert not entries_for(office.supervisor, filters, now=NOW)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_link_once(office: Office) -> None:
    decision, round_ = office.decide(), office.round()

    def link(_turn: int) -> None:
        try:
            patrol.link_round(by=office.supervisor, now=NOW, round_id=round_.pk, decision_id=decision.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(link, range(4)))
    assert patrol.standing().count() == 1


def test_what_is_out_of_sight_is_not_linked_by_its_id(office: Office) -> None:
    decision, entry = office.decide(), office.entry()
    said = {"kind": "entry", "key": str(entry.pk), "linked": True, "now": NOW}
    assert refused(lambda: change_link(office.worker, decision, **said)) == "entry_not_found"
    change_link(office.supervisor, decision, **said)
    assert ledger.entry_ids_of(decision.pk) == [entry.pk]


# ---- reminders ------------------------------------------------------------------------------------------------------


def told(person: Person) -> set[tuple[str, str]]:
    return {(notice.decision.text, notice.kind) for notice in notices_of(person)}


def test_reminders_are_sent_once_a_day_that_matters(office: Office) -> None:
    entry = office.entry()
    facts = {"soon": 2, "later": 9, "late": -1, "hung": -9}
    starts = NOON - timedelta(days=20)
    decisions = {
        word: office.decide(word, due_on=TODAY + timedelta(days=days), lead=Unit("漷县镇", TOWN), starts_at=starts)
        for word, days in facts.items()
    }
    for word in ("soon", "late", "hung"):
        ledger.link_entry(by=office.supervisor, now=NOW, entry_id=entry.pk, decision_id=decisions[word].pk)
    # To the supervisor, the community worker and the unit each; what hangs to the leader too.
    assert remind_of_decisions(now=NOW) == 4 * 3 + 1
    assert remind_of_decisions(now=NOW + timedelta(hours=3)) == 0
    wanted = {("soon", "soon"), ("later", "no_work"), ("late", "late"), ("hung", "escalated")}
    assert told(office.handler) == told(office.supervisor) == wanted
    assert told(office.leader) == {("hung", "escalated")}
    assert remind_of_decisions(now=NOW + timedelta(days=3)) == 3, "what was due soon is late"
    mark_read(by=office.handler, now=NOW, decision_id=decisions["hung"].pk)
    assert ("hung", "escalated") not in told(office.handler)
    actions.close_decision(by=office.supervisor, now=NOW, decision_id=decisions["late"].pk, report="好了")
    assert not any(word == "late" for word, _kind in told(office.supervisor))


def test_nobody_elsewhere_is_reminded_and_a_decision_of_today_is_given_its_day(office: Office) -> None:
    make_person("other_handler", "handler", "110112110")
    office.decide("今天的", starts_at=NOW - timedelta(hours=2), lead=Unit("漷县镇", TOWN))
    assert remind_of_decisions(now=NOW) == 0
    assert remind_of_decisions(now=NOW + timedelta(days=1)) == 3
    people = set(DecisionNotice.objects.values_list("person__username", flat=True))
    assert people == {"office", "worker", "handler"}


def test_the_leading_unit_sees_what_it_leads_and_nothing_else(office: Office) -> None:
    led, other = office.decide("牵头", lead=Unit("漷县镇", TOWN)), office.decide("别人的")
    assert decision_for(office.handler, led.pk) == led
    assert refused(lambda: decision_for(office.handler, other.pk)) == "decision_not_found"
    assert refused(lambda: meeting_for(office.handler, office.meeting.pk)) == "meeting_not_found"


def test_the_command_prints_how_many_were_told(
    office: Office, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    office.decide("没人管的", starts_at=NOON - timedelta(days=3))
    call_command("remind_decisions")
    assert capsys.readouterr().out.splitlines()[-1] == "2"
    call_command("remind_decisions", "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"told": 0}
