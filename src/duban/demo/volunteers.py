"""The page's clean-up with volunteers: an old corner cleared by twelve, and what is coming at Yiyuan Xili.

It is told against the day on which the demo is loaded, since a list of what is coming has to be of today.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime, time, timedelta

from django.utils import timezone

from duban.access.models import Person
from duban.commons.contact import Contact
from duban.commons.models import Shift
from duban.commons.volunteering import actions
from duban.commons.volunteering.actions import ActivityDraft, Certified, ShiftDraft, SignedUp
from duban.ledger.offering import Offered, open_entries

YIYUAN = "110112004014"
POINT = (116.6705, 39.8945)
ORGANISER = "艺苑西里社区居委会"
NAMESPACE = uuid.UUID("5d1f6f34-8e0b-4f57-9c60-6a0a5a3f0c11")
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章"
GIVEN = ("桂英", "建国", "秀兰", "志强", "玉梅", "卫东", "淑珍", "海燕", "长顺", "晓雨")
PHONES = 13800200000
CAME, PRAISED = 11, 3
"""Of the twelve one was ill; so many were commended."""


def tell(*, people: Mapping[str, Person], now: datetime) -> None:
    """An activity that is over with its hours, two to come, and one that was cancelled."""
    _Neighbours(people["community_worker"], now).tell()


def contact(number: int) -> Contact:
    """A neighbour by number; none of them is anybody."""
    given = GIVEN[number * 7 % len(GIVEN)]
    return Contact(SURNAMES[number % len(SURNAMES)] + given, str(PHONES + number))


class _Neighbours:
    def __init__(self, worker: Person, now: datetime):
        self.worker, self.now = worker, now
        self.people = iter(range(1000))

    def at(self, days: int, hour: int, minute: int = 0) -> datetime:
        """By the clock of the office, so many days from now."""
        day = timezone.localdate(self.now) + timedelta(days=days)
        return datetime.combine(day, time(hour, minute), timezone.get_default_timezone())

    def tell(self) -> None:
        self.corner()
        self.clean_up(open_entries(self.worker)[:2])
        self.artworks()
        self.called_off()

    def announce(
        self, name: str, days: int, title: str, place: str, text: str, *shifts: ShiftDraft, entries: list[Offered]
    ) -> list[Shift]:
        """`days` ago."""
        first = entries[0] if entries else None
        draft = ActivityDraft(
            title=title, organiser=ORGANISER, place=place, jurisdiction=YIYUAN, text=text,
            lon=first.lon if first else POINT[0], lat=first.lat if first else POINT[1],
            entries=tuple(one.id for one in entries), shifts=shifts,
        )  # fmt: skip
        key = uuid.uuid5(NAMESPACE, f"{name}:{timezone.localdate(self.now)}")
        activity = actions.announce_activity(by=self.worker, now=self.at(-days, 9), draft=draft, activity_id=key)
        return list(activity.shifts.order_by("begins_at"))

    def join(self, shift: Shift, many: int, day: int) -> list[SignedUp]:
        """So many neighbours, one after the other."""
        return [
            actions.sign_up(
                now=self.at(day, 10, number % 60),
                shift_id=shift.pk,
                contact=contact(next(self.people)),
                sign_up_id=uuid.uuid5(NAMESPACE, f"{shift.pk}:{number}"),
            )
            for number in range(many)
        ]

    def corner(self) -> None:
        """Over: an old corner cleared by twelve, two more waited; hours certified."""
        begins = self.at(-3, 9)
        shift = self.announce(
            "corner", 9, "清理3号楼北侧卫生死角", "3号楼北侧自行车棚", "请穿旧衣服，手套和铁锹由社区准备。",
            ShiftDraft(begins, self.at(-3, 11, 30), 12), entries=[],
        )[0]  # fmt: skip
        made = self.join(shift, 14, -8)
        came = [one.sign_up.pk for one in made[:CAME]]
        actions.check_in_from_list(by=self.worker, now=begins, sign_up_ids=came)
        rows = [
            Certified(
                key, 150, "清理楼后多年堆积的废旧物料", training="垃圾分类与安全讲解",
                commendation="社区通报表扬" if number < PRAISED else "",
            )
            for number, key in enumerate(came)
        ]  # fmt: skip
        actions.certify_hours(by=self.worker, now=self.at(-2, 15), shift_id=shift.pk, rows=rows)

    def clean_up(self, entries: list[Offered]) -> None:
        """To come, at open entries of the ledger if there are any: the afternoon is full."""
        morning, afternoon = self.announce(
            "clean-up", 2, "环境卫生大扫除", "艺苑西里社区服务站门前",
            "清扫楼前楼后，捡拾绿地白色垃圾。工具由社区提供。",
            ShiftDraft(self.at(3, 9), self.at(3, 11), 20), ShiftDraft(self.at(3, 14), self.at(3, 16), 12),
            entries=entries,
        )  # fmt: skip
        self.join(morning, 9, -1)
        self.join(afternoon, 15, -1)

    def artworks(self) -> None:
        """To come: the pupils' works go up in the entrances."""
        shift = self.announce(
            "artworks", 1, "楼门布展：张挂学生作品", "3号楼2单元门口",
            "运河中学和青少年活动中心的同学创作了楼门文化作品，一起挂上墙。",
            ShiftDraft(self.at(8, 9, 30), self.at(8, 11, 30), 8), entries=[],
        )[0]  # fmt: skip
        self.join(shift, 3, 0 if self.now > self.at(0, 11) else -1)

    def called_off(self) -> None:
        shift = self.announce(
            "snow", 2, "扫雪铲冰", "社区北门", "", ShiftDraft(self.at(1, 7, 30), self.at(1, 9), 15), entries=[]
        )[0]  # fmt: skip
        self.join(shift, 2, -1)
        actions.cancel_activity(by=self.worker, now=self.at(-1, 16), activity_id=shift.activity_id)
