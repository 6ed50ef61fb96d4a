"""The page's 98th meeting with what it decided, each carried out by work of the demo, and what is not seen through.

The words of the 98th meeting and the people at it are the page's. The 97th, the 99th of now, and the weekly meeting
about rubbish are made up, so that a report stands that was put to a later meeting, one decision is under way, one is
overdue, and one has no work at all.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from duban.access.models import Person
from duban.decisions import actions
from duban.decisions.actions import Attendee, Unit
from duban.decisions.models import Body, Decision, Meeting
from duban.demo import campaign, inspection, layers
from duban.demo.outbreak import LATELY, PAGE, THE_PAGE_S, Days
from duban.ledger.lifecycle import OPEN, State
from duban.ledger.mandates import link_entry
from duban.ledger.queries import Filters, entries_for
from duban.outbreak.mandates import areas_for, link_order, link_sampling
from duban.outbreak.venue_sampling.frequencies import levels_for
from duban.patrol.mandates import link_round
from duban.patrol.models import Failure
from duban.patrol.rounds import rounds_for
from duban.web.reminders import remind_of_decisions

GROUP = "区新冠肺炎疫情防控工作领导小组"
DUTY = "区环境卫生督办调度会"
HEALTH, MARKETS, OFFICE = "区卫生健康委", "区市场监管局", "区城市管理委"
MINUTES = (
    "会议指出，大兴区的新增家庭聚集性病例提醒我们，疫情就在身边，绝不能有丝毫掉以轻心。疫情防控是当前的首要任务、重中之重，"
    "全区上下一定要高度重视、举一反三、严防死守，坚决把责任落实好，确保精准防控、从严防控，扎扎实实筑牢疫情防控屏障。\n"
    "会议要求，要立足“四早”，在前期加强对中高风险地区进京人员摸排管控的同时，立即启动对大兴区天宫院街道来通人员的摸排，"
    "第一时间安排进行核酸检测。对于到过天宫院街道融汇社区的人员，要按照要求立即落实集中隔离医学观察等管控措施。\n"
    "会议强调，要在扩大核酸检测开展主动筛查上下功夫，加强农贸市场、商超、社区便利店等市民密切接触场所和从业人员的核酸检测、"
    "环境采样频率，严格落实防疫措施，切实提高早发现的能力。\n"
    "会议强调，要严而又严做好人员管控，堵住一切可能的风险漏洞。对集中隔离医学观察或居家隔离期间的人员，要细致做好各项监测服务。"
    "纳入管控范围的人员进行核酸检测后，要就地隔离观察，等待检测结果。"
)
AGENDA = (
    "传达贯彻市新冠肺炎疫情防控工作领导小组会议暨首都严格进京管理联防联控协调机制会议精神",
    "研究调度疫情防控工作",
)
WHO = (
    Attendee("chair", "曾赞荣", "区委书记、区疫情防控工作领导小组组长"),
    Attendee("member", "赵磊", "区委副书记、区长、区防控工作领导小组副组长"),
    Attendee("member", "刘东伟", "区委副书记"),
)
RUBBISH = 3
"""Open entries that carry out what the weekly meeting decided."""


NOW = (
    "会议通报了邻区望溪街道的疫情，要求立即摸排望溪街道来通人员，第一时间安排核酸检测；"
    "对到过望溪社区的人员落实集中隔离医学观察。"
)


def tell_the_page(*, people: Mapping[str, Person], first: list[Any]) -> None:
    """The 97th and 98th meeting on their days; `first` are the entries that the 97th had in mind."""
    _Group(people, THE_PAGE_S).tell_the_page(first)


def tell(*, people: Mapping[str, Person], now: datetime) -> None:
    """The meetings of now, told against the day of loading as the outbreak is; then the reminders."""
    _Group(people, Days(now)).tell()
    _Duty(people, Days(now)).tell()
    remind_of_decisions(now=now)


class _Meetings:
    def __init__(self, people: Mapping[str, Person], days: Days):
        self.by, self.second, self.days = people["supervisor"], people["leader"], days

    def body(self, kind: str, name: str) -> Body:
        """The body of this name; made once."""
        return actions.make_body(by=self.by, now=self.days.at(1, 9), kind=kind, name=name, jurisdiction=layers.DISTRICT)

    def meet(
        self, body: Body, at: datetime, number: int, minutes: str, who: tuple[Attendee, ...], **facts: Any
    ) -> Meeting:
        """Planned the day before, held, its minutes written and approved on the same day."""
        meeting = actions.plan_meeting(
            by=self.by, now=at - timedelta(days=1), body_id=body.pk, at=at, number=number, **facts
        )
        actions.hold_meeting(by=self.by, now=at + timedelta(hours=2), meeting_id=meeting.pk, attendance=who)
        actions.write_minutes(by=self.by, now=at + timedelta(hours=4), meeting_id=meeting.pk, minutes=minutes)
        actions.approve_minutes(by=self.second, now=at + timedelta(hours=6), meeting_id=meeting.pk)
        return meeting

    def decide(self, meeting: Meeting, text: str, lead: str, **facts: Any) -> Decision:
        return actions.record_decision(
            by=self.by, now=meeting.at + timedelta(hours=2), meeting_id=meeting.pk, text=text,
            jurisdiction=layers.DISTRICT, lead=Unit(lead, layers.DISTRICT), **facts,
        )  # fmt: skip

    def link(self, decision: Decision, entries: list[Any]) -> None:
        for entry in entries:
            link_entry(by=self.by, now=decision.made_at + timedelta(hours=1), entry_id=entry, decision_id=decision.pk)

    def link_order(self, decision: Decision, key: str) -> None:
        area = areas_for(self.by).get(key=key)
        link_order(by=self.by, now=self.days.at(19, 15, 5), area_id=area.pk, decision_id=decision.pk)

    def entries(self, states: tuple[State, ...]) -> list[Any]:
        """Exposed rubbish in these states, the first found first."""
        found = entries_for(self.by, Filters(states=states, sort="found_at"), now=self.days.now)
        return [entry.pk for entry in found.filter(category__code="06010")]


class _Group(_Meetings):
    """The leading group: what the page tells of its 98th meeting, the one before it, and the one of now."""

    def tell_the_page(self, first: list[Any]) -> None:
        days, body = self.days, self.body("leading_group", GROUP)
        before = self.meet(
            body, days.at(13, 9), 97, "会议要求，清除城乡接合部、背街小巷卫生死角，以整洁环境助力疫情防控。", WHO[:2],
            place="区委会议室", agenda=["研究调度疫情防控工作"],
        )  # fmt: skip
        cleared = self.decide(
            before, "清除城乡接合部、背街小巷等重点区域卫生死角，首批挂账点位一周内销账", OFFICE, due_on=days.day(19),
            measure_of_success="首批挂账点位全部销账",
        )  # fmt: skip
        self.link(cleared, first)
        self.meeting = self.meet(body, days.at(19, 9), 98, MINUTES, WHO, place="区委会议室", agenda=AGENDA)
        actions.close_decision(
            by=self.by, now=days.at(19, 18), decision_id=cleared.pk, reported_to=self.meeting.pk,
            report="首批挂账点位已全部清理销账，转入日常巡查，严防反弹。",
        )  # fmt: skip
        self._decide()

    def tell(self) -> None:
        """The 99th ordered what the desks are busy with; the next one is planned."""
        days, body = self.days, self.body("leading_group", GROUP)
        now = self.meet(body, days.at(19, 9), 99, NOW, WHO, place="区委会议室", agenda=["研究调度疫情防控工作"])
        screen = self.decide(
            now, "立即摸排望溪街道来通人员，第一时间安排核酸检测", HEALTH, joint=[Unit("各街道、各乡镇")],
            due_on=days.day(22), measure_of_success="来通人员全部联系到并完成核酸检测",
        )  # fmt: skip
        for key in LATELY.keys:
            self.link_order(screen, key)
        actions.plan_meeting(
            by=self.by, now=days.at(20, 17), body_id=body.pk, at=days.at(26, 9), place="区委会议室",
            agenda=["听取第九十八次、第九十九次会议决定落实情况", "研究调度疫情防控工作"],
        )  # fmt: skip

    def _decide(self) -> None:
        days, towns = self.days, [Unit("各街道、各乡镇")]
        # "At once", as the page has it, is no day; for the shops one was set.
        screen = self.decide(
            self.meeting, "立即启动对大兴区天宫院街道来通人员的摸排，第一时间安排进行核酸检测", HEALTH, joint=towns,
            measure_of_success="来通人员全部联系到并完成核酸检测",
        )  # fmt: skip
        isolate = self.decide(
            self.meeting, "对到过天宫院街道融汇社区的人员，立即落实集中隔离医学观察等管控措施", HEALTH, joint=towns,
            measure_of_success="应隔离人员全部入住集中隔离点",
        )  # fmt: skip
        sample = self.decide(
            self.meeting, "加强农贸市场、商超、社区便利店等市民密切接触场所和从业人员的核酸检测、环境采样频率", HEALTH,
            joint=[Unit(MARKETS)], measure_of_success="应采场所按频次采样，无漏采",
        )  # fmt: skip
        strict = self.decide(
            self.meeting, "农贸市场、商超、社区便利店等场所严格落实防疫措施", MARKETS, joint=towns,
            due_on=days.day(28), measure_of_success="重点场所检查全覆盖，发现的问题全部整改",
        )  # fmt: skip
        care = self.decide(
            self.meeting, "对集中隔离医学观察或居家隔离期间的人员，细致做好各项监测服务", HEALTH, joint=towns,
        )  # fmt: skip
        wait = self.decide(
            self.meeting, "纳入管控范围的人员进行核酸检测后，就地隔离观察，等待检测结果", HEALTH, joint=towns,
        )  # fmt: skip
        wide, narrow = PAGE.keys
        for decision, keys in {screen: [wide], isolate: [narrow], care: [narrow, wide], wait: [wide]}.items():
            for key in keys:
                self.link_order(decision, key)
        level = levels_for(self.by).filter(level="medium", since=days.day(19))[0]
        link_sampling(by=self.by, now=days.at(19, 15, 40), level_id=level.pk, decision_id=sample.pk)
        for round_ in rounds_for(self.by).filter(title=campaign.PAGE_ROUND):
            link_round(by=self.by, now=days.at(20, 9), round_id=round_.pk, decision_id=strict.pk)
        self.link(strict, self._failures(inspection.THE_PAGE))

    def _failures(self, calls: list[inspection.Call]) -> list[Any]:
        """The entries of what failed at these visits."""
        names = {call.place.name for call in calls if call.failed}
        found = Failure.objects.filter(venue__name__in=names, entry__isnull=False).order_by("opened_at", "pk")
        return list(dict.fromkeys(found.values_list("entry", flat=True)))


class _Duty(_Meetings):
    """The weekly meeting about rubbish: one decision overdue, one that nobody has begun."""

    def tell(self) -> None:
        days = self.days
        body = self.body("committee", DUTY)
        meeting = self.meet(
            body, days.at(15, 15), 12, "调度挂账点位整改情况，明确销账时限。", (Attendee("chair", "督办科", "主持"),),
            place="区城市管理委", agenda=["挂账点位整改情况", "大件垃圾暂存点"],
        )  # fmt: skip
        clear = self.decide(
            meeting, "挂账的垃圾堆放点一周内清理到位、销账，严防反弹", OFFICE, due_on=days.day(20),
            joint=[Unit("属地乡镇")], measure_of_success="点位全部销账",
        )  # fmt: skip
        self.link(clear, self.entries(OPEN)[:RUBBISH])
        self.decide(
            meeting, "摸清各乡镇大件垃圾暂存点底数，规范标识和清运频次", OFFICE, due_on=days.day(29),
            joint=[Unit("各乡镇")], measure_of_success="每个乡镇至少一处规范暂存点",
        )  # fmt: skip
