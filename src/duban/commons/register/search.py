"""Finding organisations by words of their names, the pinyin or initials of these, or their numbers, on both databases.

What each is found by is kept as pairs of characters in a full-text index, which leads to those that hold all pairs
sought; the words themselves are then compared. What very many hold is found by walking the list. Whoever writes
organisations says so to `index`; what nobody said is caught up with at the next `migrate`.
"""

from collections.abc import Sequence

from django.db import connection
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from duban.commons.models import Organisation, OrganisationText
from duban.core.grams import grams, sought
from duban.core.text import folded, is_plain

FREQUENT = 20_000
BATCH = 500


def index(organisations: Sequence[Organisation]) -> None:
    """Write what the organisations are found by from now on."""
    rows = [OrganisationText(organisation=one, grams=" ".join(grams(one.search))) for one in organisations]
    OrganisationText.objects.bulk_create(
        rows, batch_size=BATCH, update_conflicts=True, unique_fields=["organisation"], update_fields=["grams"]
    )


def index_missing() -> int:
    """Index those that are not; how many they were."""
    missing = Organisation.objects.filter(text=None).order_by("pk").only("pk", "search")
    found, rows = 0, list(missing[:BATCH])
    while rows:
        index(rows)
        found += len(rows)
        rows = list(missing.filter(pk__gt=rows[-1].pk)[:BATCH])
    return found


def matching(organisations: QuerySet[Organisation], text: str) -> QuerySet[Organisation]:
    """Those of the organisations that hold every word of the text; all of them where there is none."""
    if not is_plain(text):
        return organisations.none()
    words = [folded(word) for word in text.split()]
    condition = Q()
    for word in words:
        condition &= Q(search__contains=word)
    tokens = sought(" ".join(words))
    if not tokens:
        return organisations
    query = _query(tokens)
    if _holding(query) <= FREQUENT:
        condition = Q(pk__in=_with_all(query).values("organisation")) & condition
    return organisations.filter(condition)


def _holding(query: str) -> int:
    """How many the index finds, counted no further than one beyond FREQUENT."""
    hits = {
        "sqlite": "SELECT rowid FROM commons_organisation_grams WHERE commons_organisation_grams MATCH %s LIMIT %s",
        "postgresql": "SELECT 1 FROM commons_organisationtext WHERE vector @@ to_tsquery('simple', %s) LIMIT %s",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM ({hits}) AS hits", [query, FREQUENT + 1])  # noqa: S608
        return cursor.fetchone()[0]


def _with_all(query: str) -> QuerySet[OrganisationText]:
    if connection.vendor == "sqlite":
        hits = RawSQL("SELECT rowid FROM commons_organisation_grams WHERE commons_organisation_grams MATCH %s", [query])
        return OrganisationText.objects.filter(pk__in=hits)
    return OrganisationText.objects.filter(RawSQL("vector @@ to_tsquery('simple', %s)", [query], BooleanField()))


def _query(tokens: Sequence[str]) -> str:
    """All of the tokens, in the language of the index; `*` ends the beginning of a token."""
    both, begins = {"sqlite": (" AND ", "*"), "postgresql": (" & ", ":*")}[connection.vendor]
    return both.join(token.replace("*", begins) for token in tokens)
