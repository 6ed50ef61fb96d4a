"""How far a decision is, as one line: a mark with its word, a bar, and the per cent."""

from typing import Any

from django import template

from duban.core import clock
from duban.decisions.models import Meeting
from duban.decisions.words import meeting_title
from duban.web.progress import Progress, Standing, progress_of

register = template.Library()
SHAPES = {
    Standing.NO_WORK: "overdue",
    Standing.LATE: "overdue",
    Standing.BEHIND: "overdue",
    Standing.UNDER_WAY: "assigned",
    Standing.DONE: "remedied",
    Standing.CLOSED: "closed",
    Standing.WITHDRAWN: "void",
}


@register.inclusion_tag("web/parts/seen_through.html")
def seen_through(progress: Progress) -> dict[str, Any]:
    """The state in shape and word, and where work is linked a bar with its per cent."""
    return {"progress": progress, "shape": SHAPES[progress.standing], "word": progress.standing.label}


@register.simple_tag
def meeting_of(meeting: Meeting) -> str:
    """“98th meeting of the leading group”."""
    return meeting_title(meeting)


@register.inclusion_tag("web/parts/decision_lines.html", takes_context=True)
def decision_lines(context: template.Context, decisions: Any, numbered: bool = True) -> dict[str, Any]:
    """Decisions as lines that open them, each with how far it is; `numbered` as their meeting took them."""
    person = context["request"].user
    found = list(decisions)
    progress = progress_of(found, clock.now(), reader=person if person.is_authenticated else None, known=())
    return {"lines": [(decision, progress[decision.pk]) for decision in found], "numbered": numbered}
