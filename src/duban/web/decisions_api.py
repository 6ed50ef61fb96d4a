"""API v1, decisions: which are seen through, one with the work that carries it out, and linking that work."""

import base64
import json
import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from ninja import Query, Router, Schema
from pydantic import Field

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest
from duban.core import clock
from duban.core.errors import NotAllowed
from duban.core.sent import Sent, Word
from duban.decisions.actions import BadDecision
from duban.decisions.models import Decision
from duban.decisions.queries import SEES, SEES_LED, decision_for, decisions_for
from duban.ledger.api import Named
from duban.places import queries as places
from duban.web.decision_pages import asked_for, decision_to_link, is_late
from duban.web.decision_work import StrandShown, change_work, strands_shown
from duban.web.progress import Progress, Standing, progress_of

router = Router(tags=["decisions"])


class MeetingOut(Schema):
    id: uuid.UUID | None = Field(description="null where meetings of the body are out of your sight")
    number: int
    at: datetime
    body: str


class DecisionLine(Schema):
    id: uuid.UUID
    meeting: MeetingOut
    position: int = Field(description="among the decisions of the meeting")
    text: str
    area: Named
    lead: Named = Field(description="the leading unit; both may be empty")
    joint: list[Named] = Field(description="units that take part")
    starts_at: datetime
    due_on: date | None
    late: bool = Field(description="in force, and its day is over")
    state: Literal["in_force", "closed", "withdrawn"]
    standing: Literal[tuple(Standing.values)] = Field(description="what is linked says it, and the state")  # type: ignore[valid-type]
    percent: int | None = Field(description="null: nothing carries it out, or you may not know it")
    pieces: int = Field(description="of work that are linked")


class DecisionsOut(Schema):
    decisions: list[DecisionLine]
    older: str = Field(description="`cursor` of the next page; empty at the end")


class PieceOut(Schema):
    work: str = Field(description="`kind:key`, which links it or takes it away")
    name: str
    note: str
    state: str = Field(description="in words; empty where it has none")
    address: str = Field(description="of its page; empty where it has none")


class StrandOut(Schema):
    """The work of one kind; counts are null where they are of few people and you may not know them."""

    kind: Literal["entry", "round", "order", "sampling", "need"]
    pieces: int
    finished: int
    late: int
    done: int | None
    of: int | None
    counts: str = Field(description="what `done` and `of` count")
    percent: int | None
    work: list[PieceOut] = Field(description="the first of what you may see")
    hidden: int = Field(description="pieces that are not among `work`")


class DecisionOut(DecisionLine):
    measure_of_success: str
    made_at: datetime
    report: str = Field(description="closing report, or why it was withdrawn")
    closed_at: datetime | None
    reported_to: uuid.UUID | None = Field(description="a later meeting; null also where it is out of your sight")
    strands: list[StrandOut]


class DecisionsQuestion(Schema):
    show: Literal["all", "open", "late", "soon", "no_work", "wanting", "closed"] = Field(
        "all", description="open: in force; soon: due within a week; no_work: nothing carries it out; wanting: either"
    )
    unit: Word = Field("", description="name of the leading unit")
    cursor: str = Field("", description="`older` of another answer")
    limit: int = Field(50, ge=1, le=200)


class WorkIn(Sent):
    """One of the two, as on the page. Where both are said the number counts."""

    number: Word = Field("", description="of an entry")
    work: Word = Field("", description="`kind:key`: entry, round, order (its risk area), sampling (its level) or need")


@router.get("/", response=DecisionsOut, summary="Decisions, the last recorded first")
def list_decisions(request: StaffRequest, question: Query[DecisionsQuestion]) -> dict[str, Any]:
    """Those of the bodies in your area, and those that a unit there leads."""
    person, now = request.user, clock.now()
    _require_sight(person)
    found = asked_for(decisions_for(person), question.show, now)
    if question.unit:
        found = found.filter(lead_unit=question.unit)
    rows = list(_beyond(found, question.cursor).order_by("-made_at", "pk")[: question.limit + 1])
    shown = rows[: question.limit]
    progress = progress_of(shown, now, reader=person)
    return {
        "decisions": _lines(person, shown, progress, now),
        "older": _cursor(shown[-1]) if len(rows) > len(shown) else "",
    }


@router.get("/{uuid:decision_id}", response=DecisionOut, summary="One decision with the work that carries it out")
def get_decision(request: StaffRequest, decision_id: uuid.UUID) -> dict[str, Any]:
    return _detail(request.user, decision_for(request.user, decision_id))


@router.post("/{uuid:decision_id}/link", response=DecisionOut, summary="Link work that carries the decision out")
def link_work(request: StaffRequest, decision_id: uuid.UUID, sent: WorkIn) -> dict[str, Any]:
    """Work that is linked already changes nothing; of a decision that is closed or withdrawn nothing changes."""
    return _changed(request.user, decision_id, sent, linked=True)


@router.post("/{uuid:decision_id}/unlink", response=DecisionOut, summary="Take work from the decision")
def unlink_work(request: StaffRequest, decision_id: uuid.UUID, sent: WorkIn) -> dict[str, Any]:
    """The work goes on by itself. Without any, the decision is not seen through."""
    return _changed(request.user, decision_id, sent, linked=False)


def _changed(person: Person, decision_id: uuid.UUID, sent: WorkIn, *, linked: bool) -> dict[str, Any]:
    decision, _records = decision_to_link(person, decision_id)
    change_work(person, decision, number=sent.number, work=sent.work, linked=linked, now=clock.now())
    return _detail(person, decision)


def _require_sight(person: Person) -> None:
    if not any(rights.codes(person, permission) for permission in (SEES, SEES_LED)):
        raise NotAllowed("not_allowed", _("None of your roles sees decisions."))


# ---- pages by key ---------------------------------------------------------------------------------------------------


def _cursor(decision: Decision) -> str:
    key = json.dumps([decision.made_at.isoformat(), decision.pk.hex])
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _beyond(found: QuerySet[Decision], cursor: str) -> QuerySet[Decision]:
    """Those after the one that the cursor names. Raises BadDecision (`bad_cursor`)."""
    if not cursor:
        return found
    try:
        made, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment, last = datetime.fromisoformat(made), uuid.UUID(key)
        if moment.tzinfo is None or not 1900 < moment.year < 9000:
            raise ValueError(cursor)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadDecision(
            "bad_cursor", _("This page of the list is not there any more; start at its head."), field="cursor"
        ) from error
    return found.filter(made_at__lte=moment).filter(Q(made_at__lt=moment) | Q(pk__gt=last))


# ---- what is told ---------------------------------------------------------------------------------------------------


def _lines(
    person: Person, decisions: Sequence[Decision], progress: dict[uuid.UUID, Progress], now: datetime
) -> list[dict[str, Any]]:
    codes = {code for one in decisions for code in (one.jurisdiction, one.lead_code) if code}
    names = places.names(codes)
    return [
        {
            "id": one.pk,
            "meeting": {
                "id": one.meeting_id if rights.may(person, SEES, one.meeting.body.jurisdiction) else None,
                "number": one.meeting.number,
                "at": one.meeting.at,
                "body": one.meeting.body.name,
            },
            "position": one.position,
            "text": one.text,
            "area": {"code": one.jurisdiction, "name": names.get(one.jurisdiction, "")},
            "lead": {"code": one.lead_code, "name": one.lead_unit},
            "joint": one.joint_units,
            "starts_at": one.starts_at,
            "due_on": one.due_on,
            "late": is_late(one, now),
            "state": one.state,
            "standing": progress[one.pk].standing,
            "percent": progress[one.pk].percent,
            "pieces": progress[one.pk].pieces,
        }
        for one in decisions
    ]


def _detail(person: Person, decision: Decision) -> dict[str, Any]:
    now = clock.now()
    progress = progress_of([decision], now, reader=person)
    [line] = _lines(person, [decision], progress, now)
    in_sight = rights.may(person, SEES, decision.meeting.body.jurisdiction)
    strands = strands_shown(person, decision, progress[decision.pk], now)
    return line | {
        "measure_of_success": decision.measure_of_success,
        "made_at": decision.made_at,
        "report": decision.report,
        "closed_at": decision.closed_at,
        "reported_to": decision.reported_to_id if in_sight else None,
        "strands": [_strand(shown) for shown in strands],
    }


def _strand(shown: StrandShown) -> dict[str, Any]:
    strand, work = shown.strand, shown.strand.work
    return {
        "kind": strand.kind,
        "pieces": work.pieces,
        "finished": work.finished,
        "late": work.late,
        "done": work.done if work.told else None,
        "of": work.of if work.told else None,
        "counts": str(strand.counts),
        "percent": strand.percent,
        "work": [
            {
                "work": f"{strand.kind}:{piece.key}",
                "name": piece.name,
                "note": piece.note,
                "state": piece.word,
                "address": piece.url,
            }
            for piece in shown.pieces
        ],
        "hidden": shown.hidden,
    }
