"""When a shift is and how long somebody helped, as people read it."""

from datetime import datetime

from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from duban.commons.models import Shift


def is_chinese() -> bool:
    return (get_language() or "zh").startswith("zh")


def day_words(moment: datetime) -> str:
    """`1月23日 星期六` / `Saturday 23 January`."""
    return format_date(timezone.localtime(moment), "n月j日 l" if is_chinese() else "l j F")


def clock_words(shift: Shift) -> str:
    """`09:00–11:30`, with the day of its end where that is another one."""
    begins, ends = timezone.localtime(shift.begins_at), timezone.localtime(shift.ends_at)
    last = f"{ends:%H:%M}" if begins.date() == ends.date() else f"{day_words(ends)} {ends:%H:%M}"
    return f"{begins:%H:%M}–{last}"


def when_words(shift: Shift) -> str:
    """Day and hours of a shift."""
    return f"{day_words(shift.begins_at)} {clock_words(shift)}"


def long_day(moment: datetime) -> str:
    """`2021年1月23日` / `23 January 2021`."""
    return format_date(timezone.localtime(moment), "Y年n月j日" if is_chinese() else "j F Y")


def length_words(minutes: int) -> str:
    """`2小时30分钟` / `2 h 30 min`."""
    hours, rest = divmod(minutes, 60)
    if not rest:
        return _("%(hours)d h") % {"hours": hours}
    if not hours:
        return _("%(minutes)d min") % {"minutes": rest}
    return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": rest}
