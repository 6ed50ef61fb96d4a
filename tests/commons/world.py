"""What two_towns.py holds of commons: what a town's community worker made of each of its topics."""

from datetime import datetime

from tests.commons.deliberation.furnishing import furnish as furnish_deliberation
from tests.commons.growth.furnishing import furnish as furnish_growth
from tests.commons.pairing.furnishing import furnish as furnish_pairing
from tests.commons.register.furnishing import furnish as furnish_register
from tests.commons.volunteering.furnishing import furnish as furnish_volunteering
from tests.commons.voting.furnishing import furnish as furnish_voting

from duban.access.models import Person

TOPICS = (
    furnish_register,
    furnish_growth,
    furnish_voting,
    furnish_pairing,
    furnish_volunteering,
    # Last: its topic and place are the ones that the addresses of others are opened with.
    furnish_deliberation,
)


def furnish(by: Person, town: str, words: str, now: datetime) -> tuple[dict[str, str], set[str]]:
    """Keys by the part of an address they stand for, and what betrays them."""
    keys: dict[str, str] = {}
    secrets: set[str] = set()
    for topic in TOPICS:
        more, told = topic(by, town, words, now)
        keys |= more
        secrets |= told
    return keys, secrets
