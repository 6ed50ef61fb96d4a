"""The 98th meeting as the demo tells it, asked of the demo that `test_demo` loads; and its words are the page's."""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial

from django.db import transaction
from django.utils import timezone

from duban.access.models import Person
from duban.decisions.models import Decision, DecisionNotice, Meeting, MeetingState
from duban.demo import comers, inspection, meetings
from duban.ledger import mandates as ledger
from duban.outbreak import mandates as outbreak
from duban.patrol import mandates as patrol
from duban.web.progress import Standing, progress_of


def check_the_meetings(now: datetime) -> None:
    """Every decision of the 98th shows its progress from real work; without its links it is not seen through."""
    meeting = Meeting.objects.get(number=98)
    assert (meeting.body.name, meeting.state) == (meetings.GROUP, MeetingState.APPROVED)
    assert timezone.localdate(meeting.at) == date(2021, 1, 19)
    assert meeting.attendance.filter(presence="chair").get().name == "曾赞荣"
    decided = list(meeting.decisions.order_by("position"))
    assert len(decided) == 6
    assert all(decision.starts_at == meeting.at for decision in decided), "at once"
    found = progress_of(decided, now)
    kinds = [[strand.kind for strand in found[one.pk].strands] for one in decided]
    assert kinds == [["order"], ["order"], ["sampling"], ["round", "entry"], ["order"], ["order"]]
    works = [strand.work for one in decided for strand in found[one.pk].strands]
    of = [work.of for work in works if work.finished == work.pieces]
    assert of == [comers.PEOPLE, comers.VISITORS, of[2], len(inspection.ROUND), comers.PEOPLE + comers.VISITORS,
                  comers.PEOPLE]  # fmt: skip
    assert of[2] > 0
    assert [found[one.pk].standing for one in decided].count(Standing.DONE) == 5
    assert found[decided[3].pk].standing == Standing.LATE, "what failed is not all struck off"
    reported = Decision.objects.get(meeting__number=97)
    assert (reported.state, reported.reported_to) == ("closed", meeting)
    assert {strand.kind for strand in progress_of([reported], now)[reported.pk].strands} == {"entry"}
    lately = Decision.objects.get(meeting__number=99)
    assert 0 < (progress_of([lately], now)[lately.pk].percent or 0) < 100
    others = progress_of(Decision.objects.filter(meeting__body__name=meetings.DUTY), now)
    assert {one.standing for one in others.values()} == {Standing.LATE, Standing.NO_WORK}
    assert DecisionNotice.objects.filter(kind="no_work").exists()
    assert DecisionNotice.objects.filter(kind="late").exists()
    with transaction.atomic():
        _take_away_one_by_one(decided, now)
        transaction.set_rollback(True)


def _take_away_one_by_one(decided: list[Decision], now: datetime) -> None:
    """Each link is one piece less, and without the last of them the decision is not seen through."""
    by = Person.objects.get(username="supervisor")
    for decision in decided:
        said = {"by": by, "now": now, "decision_id": decision.pk}
        takes: list[Callable[[], object]] = []
        for link in ledger.standing().filter(decision=decision):
            takes.append(partial(ledger.unlink_entry, entry_id=link.entry_id, **said))
        for round_link in patrol.standing().filter(decision=decision):
            takes.append(partial(patrol.unlink_round, round_id=round_link.round_id, **said))
        for order in outbreak.standing_orders().filter(decision=decision):
            takes.append(partial(outbreak.unlink_order, area_id=order.area_id, **said))
        for sampling in outbreak.standing_sampling().filter(decision=decision):
            takes.append(partial(outbreak.unlink_sampling, level_id=sampling.level_id, **said))
        assert takes
        for left, take in enumerate(reversed(takes)):
            take()
            after = progress_of([decision], now)[decision.pk]
            assert after.pieces == len(takes) - 1 - left
            assert (after.standing == Standing.NO_WORK) == (after.pieces == 0)


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
