"""Finding organisations by words of their names, the pinyin or initials of these, or their numbers.

Whoever writes organisations says so to `index`; what nobody said is caught up with at the next `migrate`.
"""

from collections.abc import Sequence

from django.db.models import QuerySet

from duban.commons.models import Organisation, OrganisationText
from duban.core import search
from duban.core.grams import grams

INDEX = search.TextIndex(
    of=Organisation,
    texts=OrganisationText,
    row="organisation",
    table="commons_organisation_grams",
    tokens=lambda one: grams(one.search),
    reads=["search"],
    rare=20_000,
)


def index(organisations: Sequence[Organisation]) -> None:
    """Write what the organisations are found by from now on."""
    search.write(INDEX, organisations)


def index_missing() -> int:
    """Index those that are not; how many they were."""
    return search.write_missing(INDEX)


def matching(organisations: QuerySet[Organisation], text: str) -> QuerySet[Organisation]:
    """Those of the organisations that hold every word of the text; all of them where there is none."""
    return search.holding(INDEX, organisations, text)
