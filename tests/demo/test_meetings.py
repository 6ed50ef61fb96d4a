"""The 98th meeting as the demo tells it, asked of the demo that `test_demo` loads; and its words are the page's."""

from datetime import datetime

from django.db import transaction

from duban.access.models import Person
from duban.commons import mandates as commons
from duban.decisions.models import Decision, DecisionNotice, Meeting, MeetingState
from duban.demo import meetings
from duban.ledger import mandates as ledger
from duban.outbreak import mandates as outbreak
from duban.patrol import mandates as patrol
from duban.web.progress import Standing, progress_of


def check_the_meetings(now: datetime) -> None:
    """Every decision of the 98th shows its progress from real work; without its links it is not seen through."""
    meeting = Meeting.objects.get(number=98)
    assert (meeting.body.name, meeting.state) == (meetings.GROUP, MeetingState.APPROVED)
    assert meeting.attendance.filter(presence="chair").get().name == "曾赞荣"
    decided = list(meeting.decisions.all())
    assert len(decided) == 6
    assert all(decision.starts_at == meeting.at for decision in decided), "at once"
    found = progress_of(decided, now)
    assert all(one.strands and one.percent is not None for one in found.values())
    assert {strand.kind for one in found.values() for strand in one.strands} == {"order", "sampling", "round", "entry"}
    screened, sampled = found[decided[0].pk], found[decided[2].pk]
    assert 0 < (screened.percent or 0) < 100
    assert 0 < sampled.strands[0].work.done < sampled.strands[0].work.of + 1
    reported = Decision.objects.get(meeting__number=97)
    assert (reported.state, reported.reported_to) == ("closed", meeting)
    assert {strand.kind for strand in progress_of([reported], now)[reported.pk].strands} == {"entry"}
    others = progress_of(Decision.objects.filter(meeting__body__name=meetings.DUTY), now)
    assert {one.standing for one in others.values()} == {Standing.LATE, Standing.NO_WORK}
    assert DecisionNotice.objects.filter(kind="no_work").exists()
    assert DecisionNotice.objects.filter(kind="late").exists()
    with transaction.atomic():
        _take_all_away(decided, now)
        assert {one.standing for one in progress_of(decided, now).values()} == {Standing.NO_WORK}
        transaction.set_rollback(True)


def _take_all_away(decided: list[Decision], now: datetime) -> None:
    by = Person.objects.get(username="supervisor")
    for decision in decided:
        said = {"by": by, "now": now, "decision_id": decision.pk}
        for link in ledger.standing().filter(decision=decision):
            ledger.unlink_entry(entry_id=link.entry_id, **said)
        for round_link in patrol.standing().filter(decision=decision):
            patrol.unlink_round(round_id=round_link.round_id, **said)
        for order in outbreak.standing_orders().filter(decision=decision):
            outbreak.unlink_order(area_id=order.area_id, **said)
        for sampling in outbreak.standing_sampling().filter(decision=decision):
            outbreak.unlink_sampling(level_id=sampling.level_id, **said)
        for need in commons.standing().filter(decision=decision):
            commons.unlink_need(need_id=need.pk, **said)


def test_its_words_are_the_page_s() -> None:
    said = meetings.MINUTES.replace("\n", "")
    for words in (
        "疫情就在身边，绝不能有丝毫掉以轻心",
        "立即启动对大兴区天宫院街道来通人员的摸排，第一时间安排进行核酸检测",
        "对于到过天宫院街道融汇社区的人员，要按照要求立即落实集中隔离医学观察等管控措施",
        "纳入管控范围的人员进行核酸检测后，要就地隔离观察，等待检测结果",
    ):
        assert words in said
    assert [one.name for one in meetings.WHO] == ["曾赞荣", "赵磊", "刘东伟"]
