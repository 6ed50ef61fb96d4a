"""API v1, the ledger: read entries, record a finding under the id its sender made, take every step of the lifecycle."""

import uuid
from collections.abc import Container, Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from django.db.models import Q, prefetch_related_objects
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from ninja.responses import Status
from pydantic import BeforeValidator, Field

from duban.access import rights
from duban.access.models import Person
from duban.core import clock
from duban.core.errors import NotAllowed
from duban.core.sent import Degrees, Sent, Text, Word
from duban.core.tables import in_zone, parse_moment
from duban.evidence.models import Photo
from duban.ledger import actions, queries
from duban.ledger.categories import category_index, category_named, find_category
from duban.ledger.filters import BadFilter, read_filters
from duban.ledger.lifecycle import TRANSITIONS
from duban.ledger.models import Category, Entry, EntryPhoto, Moment
from duban.ledger.paging import page_of
from duban.ledger.queries import SEEING
from duban.ledger.recording import BadFinding, Finding, Recorded, record_finding
from duban.ledger.story import facts_in_sight, links_of, numbers_in_sight
from duban.ledger.views import StaffRequest
from duban.places import queries as places

router = Router(tags=["ledger"])


def _moment(value: Any) -> datetime:
    """ISO 8601 or as offices write it; read in the installation's zone if it carries no offset."""
    found = parse_moment(value.strip()[:40]) if isinstance(value, str) else None
    if found is None or not 1900 < found.year < 9000:
        raise ValueError(_("must be a date and time such as 2021-01-18T09:30:00+08:00"))
    return in_zone(found)


Time = Annotated[datetime, BeforeValidator(_moment)]
Hash = Annotated[str, Field(strict=True, pattern=r"^[0-9a-f]{64}$")]
Hashes = Annotated[list[Hash], Field(max_length=50)]
Seen = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]


class FindingIn(Sent):
    category: Word = Field(description="code, kind:code, or name")
    lon: Degrees
    lat: Degrees
    datum: Word = Field("wgs84", description="wgs84, gcj02 or bd09")
    found_at: Time
    description: Text = ""
    statement: Text = Field("", description="empty: the proposed sentence is taken")
    responsible: Word = Field("", description="empty: the town of the place")
    position_source: Literal["gps", "map", "statement", "import"] = "gps"
    accuracy_m: Degrees | None = None
    photos: Hashes = Field(default_factory=list, description="SHA-256 of photos sent to /evidence/ before")


class StepIn(Sent):
    seen: Seen | None = Field(None, description="`seen` of the entry when it was read; another one now answers 409")


class NoteIn(StepIn):
    reason: Text = ""


class AssignIn(StepIn):
    unit: Word = Field("", description="empty: the unit proposed")
    due_at: Time | None = None


class RemedyIn(NoteIn):
    photos: Hashes


class ReturnIn(NoteIn):
    unit: Word = Field("", description="whose it is, if known")


class MergeIn(NoteIn):
    into: uuid.UUID


class AmendIn(NoteIn):
    category: Word | None = None
    statement: Text | None = None
    description: Text | None = None


class PhotoIn(StepIn):
    photo: Hash


class Named(Schema):
    code: str
    name: str


class CategoryOut(Schema):
    kind: str
    code: str
    name: str
    name_en: str


class PhotosOut(Schema):
    before: list[str]
    after: list[str]


class EntryOut(Schema):
    id: uuid.UUID
    number: str
    state: str
    overdue: bool
    category: CategoryOut
    statement: str
    description: str
    lon: float
    lat: float
    accuracy_m: float | None
    position_source: str
    jurisdiction: Named
    responsible: Named
    found_at: datetime
    recorded_at: datetime
    listed_at: datetime | None
    dispatched_at: datetime | None
    due_at: datetime | None
    due_provisional: bool
    deadline_rule: str
    extension_until: datetime | None
    remedied_at: datetime | None
    closed_at: datetime | None
    rework_count: int
    return_count: int
    extension_count: int
    reopen_count: int
    escalation: int
    cycle: int
    lookback_due_at: datetime | None
    lookback: str
    merged_into: uuid.UUID | None = Field(description="null also where it is out of your sight; so in the history")
    split_from: uuid.UUID | None = Field(description="null also where it is out of your sight; so in the history")
    photos: PhotosOut
    seen: int
    head_hash: str


class EventOut(Schema):
    seq: int
    action: str
    from_state: str
    to_state: str
    at: datetime
    username: str
    actor: str
    reason: str
    facts: dict[str, Any]
    hash: str
    previous: str


class StepOut(Schema):
    action: str
    label: str
    needs: list[str]
    allowed: bool
    reason: str


class EntryDetail(EntryOut):
    parts: list[uuid.UUID]
    located: dict[str, Any]
    history: list[EventOut]
    steps: list[StepOut]


class NearOut(Schema):
    id: uuid.UUID
    number: str
    distance_m: float
    category: str = Field(description="kind:code")


class RecordedOut(EntryOut):
    near: list[NearOut] | None = Field(
        description="open entries of the category within 60 m: the finding may be one of them; null unless asked for"
    )


class EntriesOut(Schema):
    entries: list[EntryOut]
    older: str
    newer: str


class Question(Schema):
    state: list[str] = Field(default_factory=list)
    area: str = ""
    category: str = Field("", description="kind:code")
    overdue: str = Field("", description="1: only the overdue")
    due: str = Field("", description="today, week or later")
    asked: str = Field("", description="1: only where more time is asked for")
    lookback: str = Field("", description="due: only what is to be looked back at")
    text: str = ""
    sort: str = "-found_at"
    cursor: str = Field("", description="`older` or `newer` of another answer")
    limit: int = Field(50, ge=1, le=200)


def require_sight(person: Person) -> None:
    if not any(rights.codes(person, permission) for permission in SEEING):
        raise NotAllowed("not_allowed", _("None of your roles sees the ledger."))


@router.get("/categories", response=list[CategoryOut], summary="What can be wrong")
def list_categories(request: StaffRequest) -> Iterable[Category]:
    return Category.objects.order_by("-kind", "code")


@router.get("/", response=EntriesOut, summary="Entries by filter, a page at a time")
def list_entries(request: StaffRequest, question: Query[Question]) -> dict[str, Any]:
    """The page's own filter: unknown words are refused, not ignored."""
    person, now = request.user, clock.now()
    require_sight(person)
    filters = read_filters(request.GET)
    if "\x00" in question.cursor:
        raise BadFilter("bad_cursor", _("This page of the list is not there any more."), field="cursor")
    found = queries.find_entries(person, filters, now=now)
    page = page_of(found.entries, filters.sort, question.cursor, question.limit)
    prefetch_related_objects(page.entries, "category")
    return {"entries": _entries_out(person, page.entries, now), "older": page.older, "newer": page.newer}


@router.get("/{uuid:entry_id}", response=EntryDetail, summary="One entry with its history and the steps open to you")
def get_entry(request: StaffRequest, entry_id: uuid.UUID) -> dict[str, Any]:
    return _detail(request.user, queries.entry_for(request.user, entry_id))


@router.put(
    "/{uuid:entry_id}", response={200: RecordedOut, 201: RecordedOut}, summary="Record a finding under your own id"
)
def put_finding(request: StaffRequest, entry_id: uuid.UUID, sent: FindingIn, near: bool = False) -> Any:
    """201 the first time, 200 for the same again (a late photo attaches), 409 for other content under this id.

    With `near=true` the answer names open entries that the finding may be one of.
    """
    person = request.user
    _require_own_photos(person, sent.photos)
    finding = Finding(
        id=entry_id,
        category=category_named(sent.category),
        lon=sent.lon,
        lat=sent.lat,
        datum=sent.datum,
        found_at=sent.found_at,
        description=sent.description,
        position_source=sent.position_source,
        accuracy_m=sent.accuracy_m,
        photos=tuple(sent.photos),
        statement=sent.statement,
        responsible=sent.responsible,
    )
    done: Recorded = record_finding(by=person, now=clock.now(), finding=finding)
    fresh = done.outcome == "taken"
    entry = done.entry if fresh else queries.entry_for(person, entry_id)
    (shown,) = _entries_out(person, [entry], clock.now(), photos=not fresh or bool(sent.photos))
    return Status(201 if fresh else 200, shown | {"near": _near(person, entry) if near else None})


def _near(person: Person, entry: Entry) -> list[dict[str, Any]]:
    found = queries.already_there(person, entry.lon, entry.lat, entry.category, leave_out=entry.pk)
    return [
        {
            "id": other.pk,
            "number": other.number,
            "distance_m": round(metres, 1),
            "category": f"{other.category.kind}:{other.category.code}",
        }
        for other, metres in found
    ]


def _require_own_photos(person: Person, shas: Sequence[str]) -> None:
    """A hash alone opens nothing: the photo was sent by this person, or hangs on an entry that they see.

    A hash that is public (a bulletin prints it) would otherwise show its unredacted original to whoever attaches it.
    """
    if not shas:
        return
    wanted = set(shas)
    known = set(Photo.objects.filter(pk__in=wanted, stored_by__username=person.username).values_list("pk", flat=True))
    if wanted - known:
        visible = Q(entry__in=Entry.objects.visible_to(person))
        known |= set(EntryPhoto.objects.filter(visible, photo__in=wanted).values_list("photo_id", flat=True))
    for sha in shas:
        if sha not in known:
            raise BadFinding(
                "photo_not_stored", _("Send the photo %(sha256)s first.") % {"sha256": sha[:12]}, field="photos"
            )


class UntilIn(NoteIn):
    until: Time | None = Field(None, description="the deadline asked for")


class SplitIn(NoteIn):
    units: list[Word] = Field(max_length=50, description="2 to 20 different codes, each for a part of its own")


class RevisitIn(NoteIn):
    photos: Hashes = Field(default_factory=list)


BODIES: dict[str, type[StepIn]] = {
    "list": StepIn,
    "assign": AssignIn,
    "remedy": RemedyIn,
    "return": ReturnIn,
    "ask_extension": UntilIn,
    "split": SplitIn,
    "merge": MergeIn,
    "stands": RevisitIn,
    "recurred": RevisitIn,
    "amend": AmendIn,
    "add_photo": PhotoIn,
}


def _add_step(action: str, body: type[StepIn]) -> None:
    """The endpoint of one step: take it, and answer with the entry as it then is, even if it went out of sight."""

    def take(request: StaffRequest, entry_id: uuid.UUID, sent: body) -> Any:  # type: ignore[valid-type]
        person, said = request.user, sent.model_dump()  # type: ignore[attr-defined]
        _require_own_photos(person, [*said.get("photos", ()), *([said["photo"]] if "photo" in said else ())])
        if said.get("category") is not None:
            said["category"] = find_category(said["category"], category_index())
        done = actions.VERBS[action](by=person, now=clock.now(), entry_id=entry_id, **said)
        return _detail(person, done[0] if isinstance(done, tuple) else done)

    step = TRANSITIONS[action]
    router.post(
        f"/{{uuid:entry_id}}/{action}",
        response=EntryDetail,
        operation_id=f"{action}_entry",
        summary=step.label,  # type: ignore[arg-type]
        description=step.why,  # type: ignore[arg-type]
    )(take)


for _action in actions.VERBS:
    _add_step(_action, BODIES.get(_action, NoteIn))


_LIFE = (
    "listed_at", "dispatched_at", "due_at", "due_provisional", "deadline_rule", "extension_until", "remedied_at",
    "closed_at", "rework_count", "return_count", "extension_count", "reopen_count", "escalation", "cycle",
    "lookback_due_at", "lookback",
)  # fmt: skip


def _entries_out(
    person: Person, entries: Sequence[Entry], now: datetime, *, photos: bool = True
) -> list[dict[str, Any]]:
    """The entries as the API tells them, with a few queries however many they are; `photos` False: they have none."""
    names = places.names({code for entry in entries for code in (entry.jurisdiction, entry.responsible)})
    hung = _photos_of(entries) if photos else {}
    seen = numbers_in_sight(person, (key for entry in entries for key in (entry.merged_into_id, entry.split_from_id)))
    return [_out(entry, names, hung.get(entry.pk, {}), seen, now) for entry in entries]


def _photos_of(entries: Sequence[Entry]) -> dict[uuid.UUID, dict[str, list[str]]]:
    """By entry and moment the photos that hang on it, in their order."""
    photos: dict[uuid.UUID, dict[str, list[str]]] = {}
    hung = EntryPhoto.objects.filter(entry__in=[entry.pk for entry in entries]).order_by("position")
    for entry_id, photo_id, moment in hung.values_list("entry_id", "photo_id", "moment"):
        photos.setdefault(entry_id, {}).setdefault(moment, []).append(photo_id)
    return photos


def _out(
    entry: Entry, names: dict[str, str], photos: dict[str, list[str]], seen: Container[str], now: datetime
) -> dict[str, Any]:
    return {
        "id": entry.pk,
        "number": entry.number,
        "state": entry.state,
        "overdue": queries.is_overdue(entry, now),
        "category": entry.category,
        "statement": entry.statement,
        "description": entry.description,
        "lon": entry.lon,
        "lat": entry.lat,
        "accuracy_m": entry.accuracy_m,
        "position_source": entry.position_source,
        "jurisdiction": {"code": entry.jurisdiction, "name": names.get(entry.jurisdiction, "")},
        "responsible": {"code": entry.responsible, "name": names.get(entry.responsible, "")},
        "found_at": entry.found_at,
        "recorded_at": entry.recorded_at,
        **{column: getattr(entry, column) for column in _LIFE},
        "merged_into": entry.merged_into_id if str(entry.merged_into_id) in seen else None,
        "split_from": entry.split_from_id if str(entry.split_from_id) in seen else None,
        "photos": {str(moment): photos.get(moment, []) for moment in Moment},
        "seen": entry.event_count,
        "head_hash": entry.head_hash,
    }


def _detail(person: Person, entry: Entry) -> dict[str, Any]:
    (shown,) = _entries_out(person, [entry], clock.now())
    names = {unit["code"]: unit["name"] for unit in (shown["jurisdiction"], shown["responsible"]) if unit["name"]}
    steps = [
        {
            "action": step.action,
            "label": str(step.label),
            "needs": [str(need) for need in step.needs],
            "allowed": not reason,
            "reason": reason,
        }
        for step, reason in queries.steps_for(person, entry, names)
    ]
    events = list(entry.events.order_by("seq"))
    seen = numbers_in_sight(person, (link for event in events for link in links_of(event)))
    history = [
        {
            "seq": event.seq,
            "action": event.action,
            "from_state": event.from_state,
            "to_state": event.to_state,
            "at": event.at,
            "username": event.username,
            "actor": event.words.get("actor", ""),
            "reason": event.words.get("reason", ""),
            "facts": facts_in_sight(event, seen),
            "hash": event.hash,
            "previous": event.previous,
        }
        for event in events
    ]
    parts = list(
        Entry.objects.visible_to(person).filter(split_from=entry).order_by("number").values_list("pk", flat=True)
    )
    more = {"parts": parts, "located": entry.located, "history": history, "steps": steps}
    return shown | more
