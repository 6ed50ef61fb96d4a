"""Finding a venue by words of its name, their pinyin or initials, or its address."""

from collections.abc import Sequence

from django.db.models import QuerySet

from duban.core import search
from duban.core.grams import grams
from duban.venues.models import Venue, VenueText

INDEX = search.TextIndex(
    of=Venue,
    texts=VenueText,
    row="venue",
    table="venues_text_grams",
    tokens=lambda venue: grams(venue.search),
    reads=["search"],
    rare=5_000,
)


def index(venues: Sequence[Venue], *, fresh: bool = False) -> None:
    """Write what is searched of the venues; `fresh`: none of them was before."""
    search.write(INDEX, venues, fresh=fresh)


def matching(venues: QuerySet[Venue], text: str) -> QuerySet[Venue]:
    """Those of the venues that hold every word of the text; all of them where there is none."""
    return search.holding(INDEX, venues, text)
