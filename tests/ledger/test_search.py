"""Search by words: whatever way leads to the rows, they are those that hold the words."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from duban.access.models import Person
from duban.demo.builders import NOON, make_finding
from duban.ledger import actions, queries, recording, search
from duban.ledger.models import Entry, EntryText
from duban.ledger.queries import Filters

MakeEntry = Callable[[str], Entry]
TEXTS = [
    "村口堆放生活垃圾约三立方米",
    "垃圾桶满冒",
    "圾垃 is no word",
    "Ärger on Main Street, 12 bags",
    "生活用品堆在活动室门口，垃圾未清",
    "😀 bin 垃",
    "İstanbul straße 100%_done",
]
WORDS = [
    "垃圾",
    "生活垃圾",
    "垃",
    "猫",
    "圾垃",
    "Ärger",
    "STREET",
    "main 12",
    "垃圾 堆",
    "😀",
    "100%",
    "_",
    "%",
    "ß",
    "活 室",
]


@pytest.fixture
def texts(people: dict[str, Person]) -> list[Entry]:
    findings = [make_finding(5000 + at, description=text) for at, text in enumerate(TEXTS)]
    recording.record_findings(by=people["inspector"], now=NOON, findings=findings)
    return list(Entry.objects.all())


@pytest.mark.parametrize("rare", [-1, 10_000], ids=["compared in order", "led by the index"])
@pytest.mark.parametrize("text", WORDS)
def test_the_rows_are_those_that_hold_every_word(
    people: dict[str, Person], texts: list[Entry], text: str, rare: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "INDEX", replace(search.INDEX, rare=rare))
    wanted = {
        entry.pk
        for entry in texts
        if all(word.lower() in f"{entry.statement}\n{entry.description}".lower() for word in text.split())
    }
    for role in ("supervisor", "handler", "stranger"):
        found = queries.find_entries(people[role], Filters(text=text), now=NOON)
        seen = set(Entry.objects.visible_to(people[role]).values_list("pk", flat=True))
        assert {entry.pk for entry in found.entries} == wanted & seen
        assert found.total.number == len(wanted & seen)


def test_the_index_follows_an_entry_to_another_unit(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry = entry_in("listed")
    handler = people["town_handler"]
    wanted = Filters(text=entry.description[:2], area="110112106")
    assert list(queries.find_entries(handler, wanted, now=NOON).entries) == []
    actions.assign_entry(by=people["supervisor"], now=NOON, entry_id=entry.pk, unit="110112106")
    assert list(queries.find_entries(handler, wanted, now=NOON).entries) == [entry]
    assert set(EntryText.objects.get(entry=entry).grams.split()) == set(
        search.tokens_of(Entry.objects.get(pk=entry.pk))
    )


def test_an_amended_description_leaves_no_token_behind(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry = entry_in("listed")
    actions.amend_entry(
        by=people["supervisor"], now=NOON, entry_id=entry.pk, reason="改", description="全新的说法", statement="某处"
    )
    kept = EntryText.objects.get(entry=entry).grams.split()
    assert set(kept) == set(search.tokens_of(Entry.objects.get(pk=entry.pk)))
    assert not set(search.grams(entry.description)) & set(kept)


@given(st.text(max_size=12), st.text(min_size=1, max_size=3))
def test_what_a_text_holds_its_tokens_hold(before: str, word: str) -> None:
    for text in (f"{before}{word}", f"{word}{before}", f"{before} {word} {before}"):
        if word.lower() in text.lower() and word.split() == [word] and word.lower().split() == [word.lower()]:
            tokens = search.grams(text)
            for sought in search.sought(word):
                assert any(token == sought or (sought[-1] == "*" and token.startswith(sought[:-1])) for token in tokens)


@pytest.mark.parametrize("sort", ["-found_at", "due_at", "-number"])
def test_each_page_of_what_was_found_says_how_many_there_are(people: dict[str, Person], sort: str) -> None:
    findings = [make_finding(6000 + at, description="垃圾" if at % 10 else "落叶") for at in range(67)]
    recording.record_findings(by=people["inspector"], now=NOON, findings=findings)
    Entry.objects.filter(number__endswith="5").update(due_at=None)
    client = Client()
    client.force_login(people["supervisor"], "django.contrib.auth.backends.ModelBackend")
    shown: list[str] = []
    query = f"?text=垃圾&sort={sort}"
    while query:
        page = client.get(reverse("ledger:list") + query).context
        assert (page["total"].number, page["total"].more) == (60, False)
        shown += [row.entry.number for row in page["rows"]]
        query = page["older"]
    assert len(shown) == len(set(shown)) == 60
