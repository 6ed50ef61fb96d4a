"""What two_towns.py holds of deliberation: one of each of its things, made by a town's community worker."""

from datetime import datetime

from duban.access.models import Person


def furnish(by: Person, town: str, words: str, now: datetime) -> tuple[dict[str, str], set[str]]:
    """Keys by the part of an address they stand for, and what betrays them."""
    return {}, set()
