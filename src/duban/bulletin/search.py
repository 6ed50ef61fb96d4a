"""Finding published issues by the words that they print, in both languages."""

import json
from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet

from duban.bulletin.models import Issue, IssueText
from duban.core import search
from duban.core.grams import grams, sought

MOST_TOKENS = 50_000
"""An index entry holds so many different pairs of characters; what an issue has beyond them is not found."""


def tokens_of(issue: Issue) -> list[str]:
    if not issue.document:
        return []
    return grams("\n".join(words_of(json.loads(issue.document))))[:MOST_TOKENS]


INDEX = search.TextIndex(
    of=Issue,
    texts=IssueText,
    row="issue",
    table="bulletin_text_grams",
    tokens=tokens_of,
    reads=["document"],
    rare=2_000,
)


def matching(issues: QuerySet[Issue], text: str) -> QuerySet[Issue]:
    """Those of the issues whose printed text may hold every word of `text`; letters match in either case."""
    condition = Q()
    for word in text.split()[:8]:
        # The document is canonical JSON, so a quotation mark stands escaped in it.
        condition &= Q(document__icontains=json.dumps(word, ensure_ascii=False)[1:-1])
    query = search.query_of([[token] for token in sought(text)])
    if query and search.is_rare(INDEX, query):
        condition = Q(pk__in=search.led_to(INDEX, query)) & condition
    return issues.filter(condition)


# ---- what is printed ------------------------------------------------------------------------------------------------


def words_of(document: Mapping[str, Any]) -> list[str]:
    """All that an issue prints, part by part."""
    entries = [entry for section in document["sections"] for entry in section["entries"]]
    return [
        *own_words(document),
        *map(entry_words, entries),
        *map(exposure_words, document.get("exposures", [])),
        *map(block_words, document.get("blocks", [])),
    ]


def own_words(document: Mapping[str, Any]) -> list[str]:
    """Title, series, introduction and imprint."""
    own = [document["title"], document["series"]["name"], *document["intro"].split("\n"), document["issuer"]]
    return [*own, document["byline"], str(document["number"])]


def entry_words(entry: Mapping[str, Any]) -> str:
    """All that is printed of an entry, in one string."""
    category = entry["category"]
    parts = (entry["statement"], entry["description"], category["name"], category["name_en"], entry["number"])
    return "\n".join([*parts, entry["responsible"]["name"]])


def block_words(block: Mapping[str, Any]) -> str:
    """All that is printed of a block in both languages, in one string."""
    words = [block[key][language] for language in ("zh", "en") for key in ("headline", "text")]
    captions = [photo["caption"][language] for photo in block["photos"] for language in ("zh", "en")]
    return "\n".join(filter(None, [*words, block["byline"], *captions]))


def exposure_words(exposure: Mapping[str, Any]) -> str:
    """All that is printed of an exposure, in one string."""
    problems = [problem["zh"] for problem in exposure["problems"]]
    english = [problem["en"] for problem in exposure["problems"]]
    return " ".join([exposure["town"]["name"], exposure["venue"], exposure["kind"]["name"], *problems, *english])
