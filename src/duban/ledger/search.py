"""Text search that works for Chinese on both databases: an entry's words as pairs of characters, then the words.

Each pair of neighbouring characters becomes one short token, kept in `EntryText.grams`. SQLite's full-text table and
PostgreSQL's inverted index find entries that hold all pairs of what is sought; the words themselves are then compared,
so that a chance meeting of pairs is no hit.
"""

import re
from collections.abc import Iterable, Sequence
from zlib import crc32

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from duban.ledger.models import Counter, Entry, EntryText

RARE = 10_000
"""What holds more entries than this is found faster by walking the list in its order and comparing."""
DIGITS = "0123456789abcdefghijklmnopqrstuv"
FULL_NUMBER = re.compile(r"\d{6}-\d{4}-\d{1,9}", re.ASCII)
SHORT_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


def grams(text: str) -> list[str]:
    """One token for each different pair of neighbouring characters, letters in lower case, blanks skipped.

    >>> grams("垃圾") == grams(" 垃圾 ")
    True
    """
    found: dict[str, None] = {}
    for word in text.lower().split():
        for pair in (word[at : at + 2] for at in range(max(len(word) - 1, 0))):
            found[_token(pair)] = None
    return list(found)


def _token(pair: str) -> str:
    """25 bits of a checksum as five letters: the same in every database's tokenizer, whatever the script."""
    value = crc32(pair.encode()) & 0x1FFFFFF
    return "x" + "".join(DIGITS[value >> shift & 31] for shift in (20, 15, 10, 5, 0))


def words_of(entry: Entry) -> str:
    return f"{entry.statement} {entry.description}"


def index(entries: Sequence[Entry], *, fresh: bool = False) -> None:
    """Write down what of these entries is searched; `fresh`: none of them was before."""
    rows = [EntryText(entry=entry, grams=" ".join(grams(words_of(entry)))) for entry in entries]
    if fresh:
        EntryText.objects.bulk_create(rows, batch_size=500)
        return
    EntryText.objects.bulk_create(
        rows, batch_size=500, update_conflicts=True, unique_fields=["entry"], update_fields=["grams"]
    )


def index_missing() -> int:
    """Index what was recorded before there was an index; returns how many entries."""
    done = 0
    while entries := list(Entry.objects.filter(text__isnull=True).order_by("pk")[:2000]):
        index(entries, fresh=True)
        done += len(entries)
    return done


def matching(text: str) -> Q:
    """Entries that hold every word of `text` in statement or description, or have it as their number."""
    condition = Q(number__in=numbers_meant(text)) if numbers_meant(text) else Q(pk__in=[])
    words = Q()
    for word in text.split():
        words &= Q(statement__icontains=word) | Q(description__icontains=word)
    tokens = grams(text)
    if tokens and is_rare(tokens):
        words &= Q(pk__in=_with_all(tokens).values("entry"))
    return condition | words


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


def is_frequent(text: str) -> bool:
    """Whether so many entries may hold the words that finding them all is to read the ledger."""
    tokens = grams(text)
    return not (tokens and is_rare(tokens))


def is_rare(tokens: Sequence[str]) -> bool:
    return len(_with_all(tokens).values_list("pk", flat=True)[: RARE + 1]) <= RARE


def _with_all(tokens: Iterable[str]) -> QuerySet[EntryText]:
    if connection.vendor == "sqlite":
        hits = RawSQL("SELECT rowid FROM ledger_text_grams WHERE ledger_text_grams MATCH %s", [" ".join(tokens)])
        return EntryText.objects.filter(pk__in=hits)
    hit = RawSQL("to_tsvector('simple', grams) @@ to_tsquery('simple', %s)", [" & ".join(tokens)])
    return EntryText.objects.annotate(hit=hit).filter(hit=True)
