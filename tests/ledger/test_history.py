"""Whatever is changed, removed or slipped in by hand, verification says so and says where."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from duban.access.models import Person
from duban.demo.builders import NOON, make_finding
from duban.ledger import history, recording
from duban.ledger.models import Category, Checkpoint, Counter, Entry, EntryPhoto, Event

NOW = NOON + timedelta(hours=5)


def problems() -> dict[str, str]:
    return {found.code: found.where for found in [*history.verify_events(), *history.verify_checkpoints()]}


@pytest.fixture
def closed(entry_in: Callable[[str], Entry]) -> Entry:
    entry_in("assigned")
    entry = entry_in("closed")
    history.seal_heads(now=NOW)
    assert problems() == {}
    return entry


def _event(entry: Entry, seq: int) -> Any:
    return Event.objects.filter(entry=entry, seq=seq)


ENTRY_EDITS: list[tuple[str, Any]] = [
    ("state", "remedied"),
    ("statement", "别处"),
    ("lon", 116.5),
    ("lat", 39.5),
    ("responsible", "110112001"),
    ("jurisdiction", "110112001"),
    ("due_at", NOW),
    ("found_at", NOW),
    ("number", "110112-2021-999999"),
    ("rework_count", 3),
    ("description", "没有垃圾"),
    ("recorded_at", NOW + timedelta(days=2)),
    ("cell", 7),
    ("content_digest", "0" * 64),
    ("located", {}),
    ("category", None),
    ("listed_at", NOW),
    ("dispatch_due_at", None),
    ("dispatched_at", None),
    ("due_provisional", True),
    ("deadline_rule", "easier"),
    ("runs_from", NOW),
    ("pauses", [["2021-01-18T04:00:00.000000+00:00", None]]),
    ("extension_until", NOW),
    ("extension_count", 1),
    ("remedied_at", NOON),
    ("verify_due_at", None),
    ("verified_at", NOON),
    ("return_count", 1),
    ("reopen_count", 1),
    ("escalation", 2),
    ("cycle", 2),
    ("lookback_due_at", NOON),
    ("lookback", "stands"),
]


@pytest.mark.parametrize(("column", "value"), ENTRY_EDITS)
def test_editing_a_column_of_an_entry_shows(column: str, value: Any, closed: Entry) -> None:
    changes: dict[str, Any] = {column: value}
    if column == "category":
        changes = {"category": Category.objects.get(code="09005")}
    if column == "state":
        changes["closed_at"] = None
    Entry.objects.filter(pk=closed.pk).update(**changes)
    found = problems()
    assert set(found) == {"entry_altered"}
    number = changes.get("number", closed.number)
    assert number in found["entry_altered"]


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("action", "void", "event_altered"),
        ("username", "somebody", "event_altered"),
        ("at", NOW, "event_altered"),
        ("to_state", "void", "event_altered"),
        ("facts", {}, "event_altered"),
        ("roles", [], "event_altered"),
        ("words", {"actor": "somebody"}, "event_words_altered"),
        ("hash", "0" * 64, "event_altered"),
        ("previous", "0" * 64, "event_out_of_chain"),
    ],
)
def test_editing_an_event_shows_where(column: str, value: Any, code: str, closed: Entry) -> None:
    _event(closed, 3).update(**{column: value})
    found = problems()
    assert closed.number in found[code]
    assert "event 3" in found[code]


def test_rewriting_an_event_with_a_fitting_hash_still_shows(closed: Entry) -> None:
    event = _event(closed, 5).get()
    event.at = NOW + timedelta(days=1)
    event.hash = history.hash_event(event)
    event.save()
    Entry.objects.filter(pk=closed.pk).update(head_hash=event.hash)
    assert "event_missing" in problems()


def test_removing_the_tail_shows_although_the_entry_was_put_back(closed: Entry) -> None:
    _event(closed, 5).delete()
    head = _event(closed, 4).get()
    Entry.objects.filter(pk=closed.pk).update(
        state="remedied", closed_at=None, verified_at=None, lookback_due_at=None,
        event_count=4, head_hash=head.hash, unsealed=True,
    )  # fmt: skip
    assert problems() == {"event_missing": f"entry {closed.pk} event 5"}


def test_removing_an_entry_wholly_shows(closed: Entry) -> None:
    EntryPhoto.objects.filter(entry=closed).delete()
    Event.objects.filter(entry=closed).delete()
    Entry.objects.filter(pk=closed.pk).delete()
    assert str(closed.pk) in problems()["event_missing"]


def test_an_entry_slipped_in_without_history_shows(closed: Entry) -> None:
    Entry.objects.filter(pk=closed.pk).update(description=closed.description)
    stray = Entry.objects.get(pk=closed.pk)
    stray.pk, stray.number = make_finding(55).id, "110112-2021-000777"
    stray.save(force_insert=True)
    where = "entry 110112-2021-000777"
    assert problems() == {"history_missing": where, "entry_unsealed": where}


def test_changing_the_photos_of_an_entry_shows(closed: Entry) -> None:
    EntryPhoto.objects.filter(entry=closed, moment="after").delete()
    assert problems() == {"entry_altered": f"entry {closed.number}"}


def test_editing_or_removing_a_checkpoint_shows(closed: Entry, people: dict[str, Person]) -> None:
    recording.record_finding(by=people["inspector"], now=NOW, finding=make_finding(500))
    history.seal_heads(now=NOW)
    count = Checkpoint.objects.count()
    with transaction.atomic():
        Checkpoint.objects.filter(seq=1).update(heads=[])
        assert {"checkpoint_altered"} <= set(problems())
        transaction.set_rollback(True)
    with transaction.atomic():
        Checkpoint.objects.filter(seq=count).delete()
        assert problems() == {"checkpoint_missing": f"checkpoint {count}"}
        transaction.set_rollback(True)
    with transaction.atomic():
        checkpoint = Checkpoint.objects.get(seq=count)
        checkpoint.at = NOW + timedelta(days=1)
        checkpoint.hash = history._hash_checkpoint(checkpoint)
        checkpoint.save()
        assert set(problems()) == {"checkpoint_forged"}
        transaction.set_rollback(True)


def test_wiping_all_checkpoints_shows(closed: Entry) -> None:
    Checkpoint.objects.all().delete()
    Counter.objects.filter(key="checkpoint").delete()
    assert set(problems()) == {"entry_unsealed"}


@pytest.mark.django_db(transaction=True)
def test_the_data_folder_remembers_a_chain_cut_short_in_the_database(people: dict[str, Person]) -> None:
    recording.record_finding(by=people["inspector"], now=NOW, finding=make_finding(1))
    assert problems() == {}
    Checkpoint.objects.all().delete()
    Counter.objects.filter(key="checkpoint").delete()
    EntryPhoto.objects.all().delete()
    Event.objects.all().delete()
    Entry.objects.all().delete()
    assert problems() == {"checkpoint_missing": "checkpoint 1"}


def test_a_checkpoint_with_a_malformed_head_shows(closed: Entry) -> None:
    checkpoint = Checkpoint.objects.order_by("seq").last()
    assert checkpoint is not None
    checkpoint.heads = [*checkpoint.heads, ["odd"]]
    checkpoint.save()
    assert problems() == {"checkpoint_altered": f"checkpoint {checkpoint.seq}"}


def test_changing_the_order_of_photos_shows(closed: Entry) -> None:
    EntryPhoto.objects.filter(entry=closed, moment="before").update(position=9)
    assert problems() == {"entry_altered": f"entry {closed.number}"}


def test_sealing_again_without_news_adds_nothing(closed: Entry) -> None:
    head = history.seal_heads(now=NOW)
    count = Checkpoint.objects.count()
    assert history.seal_heads(now=NOW) == head
    assert Checkpoint.objects.count() == count


def test_verifying_takes_a_bounded_number_of_queries(people: dict[str, Person]) -> None:
    findings = [make_finding(seed) for seed in range(50)]
    recording.record_findings(by=people["inspector"], now=NOW, findings=findings)
    history.seal_heads(now=NOW)
    connection.force_debug_cursor = True
    before = len(connection.queries)
    assert problems() == {}
    queries = len(connection.queries) - before
    connection.force_debug_cursor = False
    assert queries <= 8
