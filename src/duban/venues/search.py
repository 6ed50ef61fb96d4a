"""Finding a venue by words of its name, their pinyin or initials, or its address, on both databases.

The text that it is found by is kept as pairs of characters in a full-text index, which leads to the few that hold all
pairs sought; the words themselves are then compared. What very many hold is found faster by walking the list.
"""

from collections.abc import Sequence

from django.db import connection
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from duban.core.grams import grams, sought
from duban.core.rows import insert
from duban.core.text import folded, is_plain
from duban.venues.models import Venue, VenueText

RARE = 5_000


def index(venues: Sequence[Venue], *, fresh: bool = False) -> None:
    """Write what is searched of the venues; `fresh`: none of them was before."""
    rows = [VenueText(venue=venue, grams=" ".join(grams(venue.search))) for venue in venues]
    if fresh:
        insert(rows)
        return
    VenueText.objects.bulk_create(
        rows, batch_size=500, update_conflicts=True, unique_fields=["venue"], update_fields=["grams"]
    )


def matching(venues: QuerySet[Venue], text: str) -> QuerySet[Venue]:
    """Those of the venues that hold every word of the text; all of them where there is none."""
    if not is_plain(text):
        return venues.none()
    words = [folded(word) for word in text.split()]
    condition = Q()
    for word in words:
        condition &= Q(search__contains=word)
    tokens = sought(" ".join(words))
    if not tokens:
        return venues
    query = _query(tokens)
    if _holding(query) <= RARE:
        condition = Q(pk__in=_with_all(query).values("venue")) & condition
    return venues.filter(condition)


def _holding(query: str) -> int:
    """How many venues the index finds, counted no further than one beyond RARE."""
    hits = {
        "sqlite": "SELECT rowid FROM venues_text_grams WHERE venues_text_grams MATCH %s LIMIT %s",
        "postgresql": "SELECT 1 FROM venues_venuetext WHERE vector @@ to_tsquery('simple', %s) LIMIT %s",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM ({hits}) AS hits", [query, RARE + 1])  # noqa: S608
        return cursor.fetchone()[0]


def _with_all(query: str) -> QuerySet[VenueText]:
    if connection.vendor == "sqlite":
        hits = RawSQL("SELECT rowid FROM venues_text_grams WHERE venues_text_grams MATCH %s", [query])
        return VenueText.objects.filter(pk__in=hits)
    return VenueText.objects.filter(RawSQL("vector @@ to_tsquery('simple', %s)", [query], BooleanField()))


def _query(tokens: Sequence[str]) -> str:
    """All of the tokens, in the language of the index; `*` ends the beginning of a token."""
    both, begins = {"sqlite": (" AND ", "*"), "postgresql": (" & ", ":*")}[connection.vendor]
    return both.join(token.replace("*", begins) for token in tokens)
