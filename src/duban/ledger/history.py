"""Hash-chained history: every event covers the one before it, checkpoints cover the heads of all entries.

An event's hash is SHA-256 over canonical JSON of its columns and the hash before it. Text that may have to be erased
one day enters as a salted digest, so that deleting it leaves the chain whole. An entry carries its head hash and event
count; checkpoints chain those, sealed with this installation's key, so that a removed tail or entry shows, and so that
somebody who can only write to the database cannot forge a consistent past.
"""

import hmac
import json
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from duban.core.files import write_whole
from duban.core.integrity import Problem, canonical, seal, sha256
from duban.evidence.models import Photo
from duban.ledger.counters import count_up
from duban.ledger.models import Checkpoint, Counter, Entry, EntryPhoto, Event

# The columns of an entry that only events set; `verify` folds the events and compares.
FACT_COLUMNS = (
    "number", "category_id", "lon", "lat", "accuracy_m", "position_source", "datum_in", "statement", "jurisdiction",
    "responsible", "found_at", "recorded_at", "listed_at", "dispatch_due_at", "dispatched_at", "due_at",
    "due_provisional", "deadline_rule", "runs_from", "pauses", "extension_until", "extension_count", "remedied_at",
    "verify_due_at", "verified_at", "closed_at", "rework_count", "return_count", "reopen_count", "escalation", "cycle",
    "lookback_due_at", "lookback", "merged_into_id", "split_from_id", "cell", "content_digest",
)  # fmt: skip
CHECKPOINT_BATCH = 5000
# What a column holds that no event has set: an event names what it sets, not what was never touched.
_FIELDS: dict[str, Any] = {column: Entry._meta.get_field(column.removesuffix("_id")) for column in FACT_COLUMNS}
_DEFAULTS = {column: None if field.null else field.get_default() for column, field in _FIELDS.items()}


def stamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")


def fact(value: Any) -> Any:
    """A column's value as it stands in an event: JSON types only."""
    if isinstance(value, datetime):
        return stamp(value)
    return value if value is None or isinstance(value, str | int | float | bool | list) else str(value)


def first_facts(entry: Entry) -> dict[str, Any]:
    """The columns that a new entry starts with, but for those that every entry starts with."""
    facts = {column: fact(getattr(entry, column)) for column in FACT_COLUMNS}
    return {column: value for column, value in facts.items() if value != _DEFAULTS[column]}


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

    First thing when a bulletin is published. Nothing to seal: no checkpoint.
    """
    return _seal(count_up("checkpoint", 0), now)[1]


def seal_if_free(*, now: datetime) -> int:
    """Seal after a write has committed, unless another is sealing at this moment; returns the newest checkpoint's
    number, or 0 if it was left to the other.

    Who seals looks again once that has committed: what came meanwhile, and found the seal taken, is theirs to seal.
    """
    while True:
        with transaction.atomic():
            counters = Counter.objects.filter(key="checkpoint").order_by().values_list("value", flat=True)
            can_skip = transaction.get_connection().features.has_select_for_update_skip_locked
            value = counters.select_for_update(skip_locked=can_skip).first()
            if value is None and counters.exists():
                return 0
            number, _hash = _seal(count_up("checkpoint", 0) if value is None else value, now)
        if not Entry.objects.filter(unsealed=True).exists():
            return number


def _seal(number: int, now: datetime) -> tuple[int, str]:
    """Number and hash of the newest checkpoint after this; the counter that holds `number` is locked."""
    previous = Checkpoint.objects.order_by("-seq").values_list("hash", flat=True).first() or ""
    # Locked in the one order in which everybody locks entries, so that nobody waits here for who waits for this; and
    # none moves on between reading its head and marking it as sealed.
    locked = Entry.objects.filter(unsealed=True).select_for_update(no_key=True).order_by("pk")
    unsealed = locked.values_list("pk", "event_count", "head_hash")
    while heads := list(unsealed[:CHECKPOINT_BATCH]):
        number = count_up("checkpoint")
        checkpoint = Checkpoint(
            seq=number,
            at=now,
            heads=[[str(entry_id), event_count, head] for entry_id, event_count, head in heads],
            previous=previous,
        )
        checkpoint.hash = _hash_checkpoint(checkpoint)
        previous = checkpoint.hash
        checkpoint.seal = seal(checkpoint.hash)
        checkpoint.save(force_insert=True)
        Entry.objects.filter(pk__in=[entry_id for entry_id, _count, _head in heads]).update(unsealed=False)
        transaction.on_commit(partial(_remember, number, checkpoint.hash), robust=True)
        if len(heads) < CHECKPOINT_BATCH:
            break
    return number, previous


def verify_events() -> Iterator[Problem]:
    """Walk every event of every entry and compare what they say with what is stored."""
    photos = _photos_by_entry()
    events = Event.objects.select_related("entry").order_by("entry_id", "seq").iterator(chunk_size=2000)
    entries_seen = 0
    for _entry_id, chain in groupby(events, key=lambda event: event.entry_id):
        steps = list(chain)
        entries_seen += 1
        yield from _verify_entry(steps[0].entry, steps, photos.get(steps[0].entry_id, []))
    if Entry.objects.count() != entries_seen:
        for entry in Entry.objects.filter(events__isnull=True).iterator():
            yield Problem("history_missing", f"entry {entry.number}", "it has no event at all")
    yield from _lost_photos()


def verify_entry(entry: Entry) -> Iterator[Problem]:
    """The same walk for one entry."""
    photos = list(entry.photos.order_by("position").values_list("photo_id", "moment"))
    events = list(entry.events.order_by("seq"))
    if not events:
        yield Problem("history_missing", f"entry {entry.number}", "it has no event at all")
    else:
        yield from _verify_entry(entry, events, photos)


def _photos_by_entry() -> dict[Any, list[tuple[str, str]]]:
    """(photo, moment) of each entry in the order in which they came."""
    found: dict[Any, list[tuple[str, str]]] = {}
    rows = EntryPhoto.objects.order_by("entry_id", "position").values_list("entry_id", "photo_id", "moment")
    for entry_id, photo_id, moment in rows.iterator():
        found.setdefault(entry_id, []).append((photo_id, moment))
    return found


def _lost_photos() -> Iterator[Problem]:
    """Photos that entries name and nobody keeps any more."""
    kept = Photo.objects.filter(pk=OuterRef("photo_id"))
    lost = EntryPhoto.objects.filter(~Exists(kept)).order_by("pk").values_list("photo_id", "entry__number")
    for photo_id, number in lost.iterator():
        yield Problem("photo_missing", f"photo {photo_id}", f"entry {number} names it, it is not there")


def _verify_entry(entry: Entry, events: list[Event], photos: list[tuple[str, str]]) -> Iterator[Problem]:
    previous, state = "", ""
    columns: dict[str, Any] = {}
    said_photos: list[tuple[str, str]] = []
    description, located = None, None
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
        said_photos += [tuple(photo) for photo in event.facts.get("photos", [])]
        located = event.facts.get("located", located)
        description = event.words.get("description", description)
    where = f"entry {entry.number}"
    if (entry.event_count, entry.head_hash) != (len(events), previous):
        yield Problem("event_missing", where, "the entry's head is not its last event")
    if entry.state != state:
        yield Problem("entry_altered", where, f"state is {entry.state}, its events say {state}")
    for column in FACT_COLUMNS:
        if fact(getattr(entry, column)) != columns.get(column, _DEFAULTS[column]):
            yield Problem("entry_altered", where, f"{column.removesuffix('_id')} is not what its events say")
    if entry.description != (description or ""):
        yield Problem("entry_altered", where, "description is not what its events say")
    if sha256(canonical(entry.located)) != located:
        yield Problem("entry_altered", where, "located is not what its events say")
    if photos != said_photos:
        yield Problem("entry_altered", where, "its photos are not those its events name")


def verify_checkpoints() -> Iterator[Problem]:
    """Walk the chain of checkpoints, hold every head they name against the events stored, and every entry against them.

    The data folder remembers the newest checkpoint, so that a chain cut short in the database shows.
    """
    previous, count, whole = "", 0, True
    covered: dict[str, int] = {}
    for checkpoint in Checkpoint.objects.order_by("seq").iterator(chunk_size=50):
        count += 1
        where = f"checkpoint {checkpoint.seq}"
        if checkpoint.seq != count:
            yield Problem("checkpoint_missing", f"checkpoint {count}", "it is not there")
            count, whole = checkpoint.seq, False
        if not hmac.compare_digest(seal(checkpoint.hash), checkpoint.seal):
            yield Problem("checkpoint_forged", where, "it was not sealed with this installation's key")
        sound = checkpoint.previous == previous and _hash_checkpoint(checkpoint) == checkpoint.hash
        previous = checkpoint.hash
        if not sound:
            yield Problem("checkpoint_altered", where, "its hash does not cover what is stored")
            whole = False
            continue
        yield from _verify_heads(where, checkpoint.heads)
        covered |= {entry_id: seq for entry_id, seq, _head in checkpoint.heads}
    remembered = _remembered()
    if Counter.objects.filter(key="checkpoint", value__gt=count).exists():
        yield Problem("checkpoint_missing", f"checkpoint {count + 1}", "it is not there")
    elif remembered and not checkpoint_exists(remembered["hash"]):
        yield Problem("checkpoint_missing", f"checkpoint {remembered['seq']}", "the data folder remembers it")
    elif whole:
        yield from _uncovered(covered)


def checkpoint_exists(digest: str) -> bool:
    return Checkpoint.objects.filter(hash=digest).exists()


def _uncovered(covered: dict[str, int]) -> Iterator[Problem]:
    """Entries said to be sealed whose last event no checkpoint names."""
    entries = Entry.objects.filter(unsealed=False).values_list("pk", "number", "event_count")
    for entry_id, number, event_count in entries.iterator():
        if covered.get(str(entry_id)) != event_count:
            yield Problem("entry_unsealed", f"entry {number}", "no checkpoint covers its last event")


def _memory() -> Path:
    return settings.DUBAN_DATA / "history" / "checkpoint.json"


def _remembered() -> dict[str, Any] | None:
    """The newest checkpoint as the data folder knows it; None before the first."""
    return json.loads(_memory().read_bytes()) if _memory().exists() else None


def _remember(seq: int, digest: str) -> None:
    """Note the checkpoint outside the database, unless a later one is noted already."""
    noted = _remembered()
    if noted is None or noted["seq"] < seq or not checkpoint_exists(noted["hash"]):
        write_whole(_memory(), canonical({"seq": seq, "hash": digest}))


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
