"""Text search that works for Chinese on both databases: an entry's words as pairs of characters, then the words.

Each pair of neighbouring characters becomes one token, kept in `EntryText.grams`, and the last character of a word one
of its own, so that a single character is the beginning of some token. SQLite's full-text table and PostgreSQL's
inverted index find entries that hold all that is sought; the words themselves are then compared, so that a chance
meeting of pairs is no hit. The area and the unit of an entry are tokens too: a word that is frequent in a district and
rare in one town is found there by the index.
"""

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from duban.core.grams import grams, sought
from duban.core.rows import insert
from duban.ledger.models import Counter, Entry, EntryText

RARE = 10_000
"""What holds more entries than this is found faster by walking the list in its order and comparing."""
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


def index(entries: Sequence[Entry], *, fresh: bool = False) -> None:
    """Write down what of these entries is searched; `fresh`: none of them was before."""
    rows = [EntryText(entry=entry, grams=" ".join(tokens_of(entry))) for entry in entries]
    if fresh:
        insert(rows)
        return
    EntryText.objects.bulk_create(
        rows, batch_size=500, update_conflicts=True, unique_fields=["entry"], update_fields=["grams"]
    )


def index_missing() -> int:
    """Index what was recorded before there was an index; returns how many entries."""
    done, last = 0, uuid.UUID(int=0)
    missing = (
        Entry.objects.filter(text__isnull=True)
        .only("statement", "description", "jurisdiction", "responsible")
        .order_by("pk")
    )
    while entries := list(missing.filter(pk__gt=last)[:2000]):
        index(entries, fresh=True)
        done, last = done + len(entries), entries[-1].pk
    return done


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
    query = _query([*tokens, *reach])
    rare = bool(tokens) and _holding(query) <= RARE
    if rare:
        candidates = _with_all(query).values("entry")
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


def _holding(query: str) -> int:
    """How many entries the index finds, counted no further than one beyond RARE."""
    hits = {
        "sqlite": "SELECT rowid FROM ledger_text_grams WHERE ledger_text_grams MATCH %s LIMIT %s",
        "postgresql": "SELECT 1 FROM ledger_entrytext WHERE vector @@ to_tsquery('simple', %s) LIMIT %s",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM ({hits}) AS hits", [query, RARE + 1])  # noqa: S608
        return cursor.fetchone()[0]


def _with_all(query: str) -> QuerySet[EntryText]:
    if connection.vendor == "sqlite":
        hits = RawSQL("SELECT rowid FROM ledger_text_grams WHERE ledger_text_grams MATCH %s", [query])
        return EntryText.objects.filter(pk__in=hits)
    return EntryText.objects.filter(RawSQL("vector @@ to_tsquery('simple', %s)", [query], BooleanField()))


def _query(groups: Sequence[Sequence[str]]) -> str:
    """One token of each group, in the language of the index; `*` ends the beginning of a token."""
    both, either, begins = {"sqlite": (" AND ", " OR ", "*"), "postgresql": (" & ", " | ", ":*")}[connection.vendor]
    return both.join(f"({either.join(group).replace('*', begins)})" for group in groups)
