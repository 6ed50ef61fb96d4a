"""Hash-chained history: every event covers the one before it, checkpoints cover the heads of all entries.

An event's hash is SHA-256 over canonical JSON of its columns and the hash before it. Text that may have to be erased
one day enters as a salted digest, so that deleting it leaves the chain whole. An entry carries its head hash and event
count; checkpoints chain those, sealed with this installation's key, so that a removed tail or entry shows, and so that
somebody who can only write to the database cannot forge a consistent past.
"""

import hmac
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from django.db import transaction

from duban.core.integrity import Problem, canonical, seal, sha256
from duban.ledger.models import Checkpoint, Counter, Entry, EntryPhoto, Event

# The columns of an entry that only events set; `verify` folds the events and compares.
FACT_COLUMNS = (
    "number", "category_id", "lon", "lat", "accuracy_m", "position_source", "datum_in", "statement", "jurisdiction",
    "responsible", "found_at", "due_at", "closed_at", "rework_count", "merged_into_id",
)  # fmt: skip
CHECKPOINT_BATCH = 5000


def stamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")


def fact(value: Any) -> Any:
    """A column's value as it stands in an event: JSON types only."""
    if isinstance(value, datetime):
        return stamp(value)
    return value if value is None or isinstance(value, str | int | float | bool | list) else str(value)


def digest_words(salt: str, words: dict[str, Any]) -> str:
    return sha256(salt.encode() + canonical(words))


def hash_event(event: Event) -> str:
    body = {
        "entry": str(event.entry_id),
        "seq": event.seq,
        "action": event.action,
        "from": event.from_state,
        "to": event.to_state,
        "at": stamp(event.at),
        "username": event.username,
        "roles": event.roles,
        "facts": event.facts,
        "words": event.words_digest,
        "previous": event.previous,
    }
    return sha256(canonical(body))


def next_event(
    entry: Entry,
    *,
    actor: dict[str, Any],
    now: datetime,
    action: str,
    to_state: str,
    facts: dict,
    words: dict,
) -> Event:
    """The event that follows the entry's head, and the entry moved onto it; the caller saves both."""
    words = {"actor": actor["name"], **words}
    salt = secrets.token_hex(16)
    event = Event(
        entry=entry,
        seq=entry.event_count + 1,
        action=action,
        from_state=entry.state,
        to_state=to_state,
        at=now,
        username=actor["username"],
        roles=actor["roles"],
        facts=facts,
        words=words,
        salt=salt,
        words_digest=digest_words(salt, words),
        previous=entry.head_hash,
    )
    event.hash = hash_event(event)
    entry.state, entry.event_count, entry.head_hash, entry.unsealed = to_state, event.seq, event.hash, True
    return event


def _hash_checkpoint(checkpoint: Checkpoint) -> str:
    body = {
        "seq": checkpoint.seq,
        "at": stamp(checkpoint.at),
        "heads": checkpoint.heads,
        "previous": checkpoint.previous,
    }
    return sha256(canonical(body))


@transaction.atomic
def seal_heads(*, now: datetime) -> str:
    """Chain the heads of all entries changed since the last checkpoint; returns the newest checkpoint's hash.

    Called after each write has committed, and first thing when a bulletin is published. Nothing to seal: no checkpoint.
    """
    counter, _made = Counter.objects.select_for_update().get_or_create(key="checkpoint")
    last = Checkpoint.objects.order_by("-seq").first()
    while entries := list(Entry.objects.filter(unsealed=True).order_by("id")[:CHECKPOINT_BATCH]):
        checkpoint = Checkpoint(
            seq=counter.value + 1,
            at=now,
            heads=[[str(entry.id), entry.event_count, entry.head_hash] for entry in entries],
            previous=last.hash if last else "",
        )
        checkpoint.hash = _hash_checkpoint(checkpoint)
        checkpoint.seal = seal(checkpoint.hash)
        checkpoint.save(force_insert=True)
        for entry in entries:
            Entry.objects.filter(pk=entry.pk, event_count=entry.event_count).update(unsealed=False)
        counter.value = checkpoint.seq
        counter.save()
        last = checkpoint
        if len(entries) < CHECKPOINT_BATCH:
            break
    return last.hash if last else ""


def verify_events() -> Iterator[Problem]:
    """Walk every event of every entry and compare what they say with what is stored."""
    photos = _photos_by_entry()
    events = Event.objects.select_related("entry").order_by("entry_id", "seq").iterator(chunk_size=2000)
    entries_seen = 0
    for _entry_id, chain in groupby(events, key=lambda event: event.entry_id):
        steps = list(chain)
        entries_seen += 1
        yield from _verify_entry(steps[0].entry, steps, photos.get(steps[0].entry_id, set()))
    if Entry.objects.count() != entries_seen:
        for entry in Entry.objects.filter(events__isnull=True).iterator():
            yield Problem("history_missing", f"entry {entry.number}", "it has no event at all")


def verify_entry(entry: Entry) -> Iterator[Problem]:
    """The same walk for one entry."""
    photos = set(entry.photos.values_list("photo_id", "moment"))
    events = list(entry.events.order_by("seq"))
    if not events:
        yield Problem("history_missing", f"entry {entry.number}", "it has no event at all")
    else:
        yield from _verify_entry(entry, events, photos)


def _photos_by_entry() -> dict[Any, set[tuple[str, str]]]:
    found: dict[Any, set[tuple[str, str]]] = {}
    for entry_id, photo_id, moment in EntryPhoto.objects.values_list("entry_id", "photo_id", "moment").iterator():
        found.setdefault(entry_id, set()).add((photo_id, moment))
    return found


def _verify_entry(entry: Entry, events: list[Event], photos: set[tuple[str, str]]) -> Iterator[Problem]:
    previous, state = "", ""
    columns: dict[str, Any] = {}
    said_photos: set[tuple[str, str]] = set()
    description = None
    for position, event in enumerate(events, start=1):
        where = f"entry {entry.number} event {event.seq} ({event.action})"
        if event.seq != position:
            yield Problem("event_missing", where, f"event {position} is not there")
            return
        if event.previous != previous or event.from_state != state:
            yield Problem("event_out_of_chain", where, "it does not follow the event before it")
        if hash_event(event) != event.hash:
            yield Problem("event_altered", where, "its hash does not cover what is stored")
        if digest_words(event.salt, event.words) != event.words_digest:
            yield Problem("event_words_altered", where, "name, reason or description were changed")
        previous, state = event.hash, event.to_state
        columns |= event.facts.get("set", {})
        said_photos |= {tuple(photo) for photo in event.facts.get("photos", [])}
        description = event.words.get("description", description)
    where = f"entry {entry.number}"
    if (entry.event_count, entry.head_hash) != (len(events), previous):
        yield Problem("event_missing", where, "the entry's head is not its last event")
    if entry.state != state:
        yield Problem("entry_altered", where, f"state is {entry.state}, its events say {state}")
    for column in FACT_COLUMNS:
        if fact(getattr(entry, column)) != columns.get(column):
            yield Problem("entry_altered", where, f"{column.removesuffix('_id')} is not what its events say")
    if entry.description != (description or ""):
        yield Problem("entry_altered", where, "description is not what its events say")
    if photos != said_photos:
        yield Problem("entry_altered", where, "its photos are not those its events name")


def verify_checkpoints() -> Iterator[Problem]:
    """Walk the chain of checkpoints and hold every head they name against the events stored."""
    previous, count = "", 0
    for checkpoint in Checkpoint.objects.order_by("seq").iterator(chunk_size=50):
        count += 1
        where = f"checkpoint {checkpoint.seq}"
        if checkpoint.seq != count:
            yield Problem("checkpoint_missing", f"checkpoint {count}", "it is not there")
            count = checkpoint.seq
        if checkpoint.previous != previous or _hash_checkpoint(checkpoint) != checkpoint.hash:
            yield Problem("checkpoint_altered", where, "its hash does not cover what is stored")
        if not hmac.compare_digest(seal(checkpoint.hash), checkpoint.seal):
            yield Problem("checkpoint_forged", where, "it was not sealed with this installation's key")
        previous = checkpoint.hash
        yield from _verify_heads(where, checkpoint.heads)
    if Counter.objects.filter(key="checkpoint", value__gt=count).exists():
        yield Problem("checkpoint_missing", f"checkpoint {count + 1}", "it is not there")


def _verify_heads(where: str, heads: Iterable[list]) -> Iterator[Problem]:
    heads = list(heads)
    stored: set[tuple[str, int, str]] = set()
    for start in range(0, len(heads), 400):
        ids = [entry_id for entry_id, _count, _head in heads[start : start + 400]]
        events = Event.objects.filter(entry_id__in=ids).values_list("entry_id", "seq", "hash")
        stored |= {(str(entry_id), seq, digest) for entry_id, seq, digest in events}
    for entry_id, seq, head in heads:
        if (entry_id, seq, head) not in stored:
            yield Problem(
                "event_missing",
                f"entry {entry_id} event {seq}",
                f"{where} names it, it is not there as it was",
            )
