"""Text search over entries: their words, their number, and where they lie.

The area and the unit of an entry are tokens too: a word that is frequent in a district and rare in one town is found
there by the index.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q

from duban.core import search
from duban.core.grams import grams, sought
from duban.ledger.models import Counter, Entry, EntryText

PLACE, UNIT = "p", "u"
FULL_NUMBER = re.compile(r"\d{6}-\d{4}-\d{1,9}", re.ASCII)
SHORT_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True)
class Match:
    """What a text asks for."""

    condition: Q
    rare: bool
    """Few entries hold the words, and the index leads to them."""


def tokens_of(entry: Entry) -> list[str]:
    """What of an entry is searched."""
    words = grams(f"{entry.statement} {entry.description}")
    return [*words, PLACE + entry.jurisdiction, UNIT + entry.responsible]


INDEX = search.TextIndex(
    of=Entry,
    texts=EntryText,
    row="entry",
    table="ledger_text_grams",
    tokens=tokens_of,
    reads=["statement", "description", "jurisdiction", "responsible"],
    rare=10_000,
)


def index(entries: Sequence[Entry], *, fresh: bool = False) -> None:
    """Write down what of these entries is searched; `fresh`: none of them was before."""
    search.write(INDEX, entries, fresh=fresh)


def index_missing() -> int:
    """Index what was recorded before there was an index; returns how many entries."""
    return search.write_missing(INDEX)


def matching(text: str, reach: Sequence[Sequence[str]] = ()) -> Match:
    """Entries that hold every word of `text` in statement or description, or have it as their number.

    Letters match in either case; on SQLite, those of ASCII.

    `reach`: nothing is asked for but what holds one token of each of these groups, as tokens_within makes them; it
    narrows the search and is no condition of the answer.
    """
    tokens, numbers = [[token] for token in sought(text)], numbers_meant(text)
    condition = Q()
    for word in text.split():
        # Most scripts have no case, and to fold it costs more than to compare.
        how = "contains" if word.lower() == word.upper() else "icontains"
        condition &= Q(**{f"statement__{how}": word}) | Q(**{f"description__{how}": word})
    if numbers:
        condition |= Q(number__in=numbers)
    query = search.query_of([*tokens, *reach])
    rare = bool(tokens) and search.is_rare(INDEX, query)
    if rare:
        candidates = search.led_to(INDEX, query)
        if numbers:
            candidates = candidates.union(Entry.objects.order_by().filter(number__in=numbers).values("pk"), all=True)
        condition = Q(pk__in=candidates) & condition
    return Match(condition, rare)


def numbers_meant(text: str) -> list[str]:
    """The full numbers that somebody may mean: `110112-2021-000012`, or `12` in every county and year there is."""
    text = text.strip()
    if FULL_NUMBER.fullmatch(text):
        county, year, running = text.split("-")
        return [f"{county}-{year}-{int(running):06d}"]
    if SHORT_NUMBER.fullmatch(text) and int(text):
        prefixes = Counter.objects.filter(key__startswith="entry:", value__gte=int(text)).values_list("key", flat=True)
        return [f"{prefix.removeprefix('entry:')}-{int(text):06d}" for prefix in prefixes]
    return []


def tokens_within(places: Iterable[str], units: Iterable[str]) -> list[str]:
    """Of which an entry holds one if it lies in the places or is the duty of the units: the tokens begin so."""
    return [*(f"{PLACE}{code}*" for code in places), *(f"{UNIT}{code}*" for code in units)]
