"""Words of a person's file."""

from collections.abc import Mapping

from django import template
from django.utils.functional import Promise

from duban.outbreak.models import Measure, Result

register = template.Library()


@register.filter
def measure_word(value: str) -> str:
    """The word of a measure."""
    return str(Measure(value).label) if value in Measure.values else ""


@register.filter
def result_word(value: str) -> str:
    """The word of a sample's result."""
    return str(Result(value).label) if value in Result.values else value


@register.filter
def word(words: Mapping[str, str | Promise], code: str) -> str:
    """What `words` calls the code."""
    return str(words.get(code, code))
