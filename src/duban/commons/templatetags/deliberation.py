"""What the pages of topics are made of: where a refusal stands, and who said what."""

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from duban.commons.deliberation import queries, shown
from duban.commons.models import Comment, SharedPlace

register = template.Library()


@register.simple_tag(takes_context=True)
def mend(context: template.Context, form: str, field: str) -> SafeString | str:
    """What is wrong with this field of this form, with the mend; nothing where nothing is.

    The page says at its head as well what was refused: the form may be gone from it, or far below.
    """
    wrong = context.get("wrong")
    if wrong is None or wrong.form != form or wrong.field != field:
        return ""
    return format_html('<p class="mend wrong-here" role="alert">{}</p>', wrong.refusal.message)


@register.filter
def who(comment: Comment) -> str:
    """Who said it, by the name that they chose."""
    return shown.name_of(comment)


@register.filter
def before_url(one: shown.ProblemShown, variant: str) -> str:
    """The address of the problem's photo, public or thumbnail; empty where there is none."""
    return _photo_url(one, one.problem.photo, variant)


@register.filter
def after_url(one: shown.ProblemShown, variant: str) -> str:
    """The same of what struck its entry off."""
    return _photo_url(one, one.after, variant)


def _photo_url(one: shown.ProblemShown, photo: str, variant: str) -> str:
    return reverse("neighbours:topic_photo", args=[one.problem.topic_id, photo, variant]) if photo else ""


@register.filter
def full_name(place: SharedPlace) -> str:
    """A place with what it lies in before it."""
    return queries.full_name(place)
