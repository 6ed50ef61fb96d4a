"""A vote in a line, for the pages of a topic."""

from django import template

from duban.commons.models import Vote
from duban.commons.voting import words
from duban.core import clock

register = template.Library()


@register.simple_tag
def line_of(vote: Vote) -> words.Line:
    """How a vote stands: two queries while it is open, none once it is counted (its topic and place at hand)."""
    return words.line_of(vote, clock.now())
