"""How meetings are called."""

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from duban.decisions.models import Meeting

ENDINGS = {1: "st", 2: "nd", 3: "rd"}


def ordinal(number: int) -> str:
    """98 -> 98th, 101 -> 101st; in Chinese the number alone, which its sentence frames."""
    if (get_language() or "zh").startswith("zh"):
        return str(number)
    return f"{number}{'th' if 10 < number % 100 < 14 else ENDINGS.get(number % 10, 'th')}"


def meeting_title(meeting: Meeting) -> str:
    """“98th meeting of the leading group”, and its own title if it has one."""
    words = _("%(number)s meeting of %(body)s") % {"number": ordinal(meeting.number), "body": meeting.body.name}
    return _("%(meeting)s: %(title)s") % {"meeting": words, "title": meeting.title} if meeting.title else words
