"""How plans and due acts are shown: `{% load measures %}`."""

from collections.abc import Mapping
from typing import Any

from django import template

from duban.outbreak.measures.words import name_of, why_words
from duban.outbreak.models import MeasureRule

register = template.Library()


@register.filter
def why(reason: Mapping[str, Any]) -> str:
    """Why something is due on its day, with the exposure that asks for it: for health officers."""
    return why_words(reason)


@register.filter
def why_due(reason: Mapping[str, Any]) -> str:
    """The same without the exposure, for whoever does not see those."""
    return why_words(reason, grounds=False)


@register.filter
def rule_name(rule: MeasureRule) -> str:
    """What a version of a rule is called."""
    return name_of(rule)
