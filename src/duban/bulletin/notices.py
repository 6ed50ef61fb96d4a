"""Reading reports back: the engine with the code list that is loaded, and what a person may make of a draft."""

import csv
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.db.models import Count, Max
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.bulletin.notice_files import text_of
from duban.core.errors import Conflict, DubanError, NotFound
from duban.decisions import actions as decisions
from duban.decisions import queries as decided
from duban.decisions.models import Decision, Meeting, MeetingState
from duban.engines.locate import town_name, village_name
from duban.engines.notice import DECISION, FINDING, SITE, UNSURE, Gazetteer, Notice, read_notice
from duban.ledger import queries as ledger
from duban.ledger.recording import RECORDS, Finding, Recorded, record_finding
from duban.places import queries as places
from duban.places.codes import LENGTHS, normalise_code
from duban.places.models import Jurisdiction

READS = (RECORDS, decisions.RECORDS)
"""Who may read a report in: who may make something of it."""
ACCEPTED = (SITE, FINDING, DECISION)
MEETINGS = 50


class BadDraft(DubanError):
    pass


def gazetteer() -> Gazetteer:
    """The code list as the engine takes it, kept until another one is loaded."""
    loaded = Jurisdiction.objects.aggregate(last=Max("loaded_at"), many=Count("pk"))
    return _gazetteer(str(loaded["last"]), loaded["many"])


@lru_cache(maxsize=2)
def _gazetteer(last: str, many: int) -> Gazetteer:
    return Gazetteer.build(Jurisdiction.objects.values_list("code", "name"))


def read_text(text: str) -> Notice:
    """What a report says, its places settled against the loaded code list."""
    return read_notice(text, gazetteer())


def read_file(data: bytes, name: str) -> Notice:
    """The same from a file; raises what `text_of` does."""
    return read_text(text_of(data, name))


def report_of(notice: Notice) -> dict[str, Any]:
    """The reading as it is kept until it is thrown away: the text, the drafts under running numbers, the claims."""
    number = 0
    articles = []
    for article in notice.articles:
        said = article.to_dict() | {"checks": [check.to_dict() | {"text": check.text} for check in article.checks]}
        for draft in said["drafts"]:
            draft["number"] = number
            number += 1
        articles.append(said)
    return {"text": notice.text, "articles": articles}


_SPACE = re.compile(r"(?:[ \t\u3000]*\n){3,}")


@dataclass(frozen=True)
class Piece:
    """A stretch of the text that the same drafts say something with; `begins` are those whose words begin here."""

    text: str
    drafts: tuple[int, ...]
    kind: str
    begins: tuple[int, ...]


def pieces_of(report: dict[str, Any], last: int) -> list[Piece]:
    """The text cut where a draft's words begin or end; drafts from number `last` on are left out."""
    drafts = [draft for article in report["articles"] for draft in article["drafts"] if draft["number"] < last]
    text = report["text"]
    cuts = sorted({0, len(text), *(place for draft in drafts for place in draft["span"])})
    begin: dict[int, list[dict[str, Any]]] = {}
    for draft in drafts:
        begin.setdefault(draft["span"][0], []).append(draft)
    open_now: list[dict[str, Any]] = []
    pieces: list[Piece] = []
    for start, end in pairwise(cuts):
        open_now = [draft for draft in open_now if draft["span"][1] > start] + begin.get(start, [])
        pieces.append(
            Piece(
                _SPACE.sub("\n\n", text[start:end]).lstrip("\n" if not pieces else ""),
                tuple(draft["number"] for draft in open_now),
                open_now[-1]["kind"] if open_now else "",
                tuple(draft["number"] for draft in begin.get(start, [])),
            )
        )
    return pieces


def draft_in(report: dict[str, Any], number: int) -> dict[str, Any]:
    """The draft under a number, else NotFound (`draft_not_found`)."""
    for article in report.get("articles", ()):
        for draft in article["drafts"]:
            if draft["number"] == number and draft["kind"] in ACCEPTED:
                return draft
    raise NotFound("draft_not_found", _("There is no such draft in this report, or nothing is made of its kind."))


def id_of(job_id: str, number: int) -> uuid.UUID:
    """What a draft becomes has an id of its own from the start, so that accepting twice makes one."""
    return uuid.uuid5(uuid.UUID(job_id), f"draft {number}")


def accepted_of(job_id: str, drafts: Iterable[dict[str, Any]]) -> dict[int, str]:
    """The drafts that were accepted, and as what: the entry's or the decision's id."""
    ids: dict[str, dict[uuid.UUID, int]] = {"entry": {}, "decision": {}}
    for draft in drafts:
        if draft["kind"] in ACCEPTED:
            which = "decision" if draft["kind"] == DECISION else "entry"
            ids[which][id_of(job_id, draft["number"])] = draft["number"]
    there = set(ledger.states_of(ids["entry"])) if ids["entry"] else set()
    made = Decision.objects.filter(pk__in=ids["decision"]).values_list("pk", flat=True) if ids["decision"] else ()
    return {ids["entry"][one]: str(one) for one in there} | {ids["decision"][one]: str(one) for one in made}


def statement_for(draft: dict[str, Any]) -> str:
    """The draft's place as the ledger would print it: with the listed names where a damaged one was settled."""
    unit = draft["jurisdiction"]
    if draft["kind"] == FINDING:
        place, venue = draft["place"] or "", draft["venue"] or ""
        lies = _listed_first(place, venue, unit, draft["confidence"])
        return lies + ("" if venue and venue in place else venue)
    lines = [line for line in (draft["road"], draft["water"]) if line and line["distance_m"] is not None]
    if lines and unit and len(unit["code"]) == LENGTHS[2] and draft["confidence"] >= UNSURE:
        away = ",".join(f"距{line['name']}约{line['distance_m']:g}米" for line in lines)
        return _printed(unit) + away
    return " ".join(draft["text"].split())


def _listed_first(place: str, venue: str, unit: dict[str, str] | None, confidence: float) -> str:
    """The place with the town's listed name before it where it names no town that the list knows.

    A venue that is named without a place of its own lies in its unit all the same.
    """
    if unit is None or confidence < UNSURE:
        return place
    town = _town_of(unit)
    if not town or town[:2] in (place or venue):
        return place
    return town_name(town) + place if place else _printed(unit)


def _printed(unit: dict[str, str]) -> str:
    """As a statement begins: the town, and the village where the unit is one."""
    village = village_name(unit["name"]) if len(unit["code"]) == LENGTHS[2] else ""
    return town_name(_town_of(unit)) + village


def _town_of(unit: dict[str, str]) -> str:
    code = unit["code"][: LENGTHS[1]]
    return places.names([code]).get(code, "")


def description_for(draft: dict[str, Any]) -> str:
    """What is wrong there, and what was done about it."""
    parts = ["，".join(draft["problems"]), draft["measure"] or ""] if draft["kind"] != DECISION else []
    return "；".join(part for part in parts if part)


@cache
def _categories() -> list[tuple[str, re.Pattern[str]]]:
    path = Path(__file__).parent / "reference" / "notice_categories.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["category"], re.compile(row["words"])) for row in csv.DictReader(file)]


def category_for(draft: dict[str, Any]) -> str:
    """The category whose words the problems hold most often, "" where they hold none."""
    said = "".join(draft["problems"])
    counted = [(len(words.findall(said)), -place, code) for place, (code, words) in enumerate(_categories())]
    best = max(counted)
    return best[2] if best[0] else ""


def meetings_of(person: Person) -> list[Meeting]:
    """The meetings whose decisions the person may record, the newest first."""
    mine = rights.codes(person, decisions.RECORDS)
    found = decided.meetings_for(person).exclude(state=MeetingState.CANCELLED)[: MEETINGS * 2]
    return [meeting for meeting in found if any(meeting.body.jurisdiction.startswith(code) for code in mine)][:MEETINGS]


def accept_place(*, by: Person, now: datetime, finding: Finding) -> Recorded:
    """Put a site or finding of a report on the ledger.

    Raises what `record_finding` does, `unit_unknown`, and Conflict `draft_taken` where the draft stands there already
    with another content.
    """
    if finding.jurisdiction and not places.names([finding.jurisdiction]):
        raise BadDraft(
            "unit_unknown",
            _("%(code)s is not in the code list; choose the unit from the list.") % {"code": finding.jurisdiction},
            field="jurisdiction",
        )
    try:
        return record_finding(by=by, now=now, finding=finding)
    except Conflict as refusal:
        if refusal.code != "finding_conflict":
            raise
        raise Conflict(
            "draft_taken", _("This draft is on the ledger already, with another content; amend the entry there.")
        ) from refusal


def accept_order(
    *, by: Person, now: datetime, meeting_id: uuid.UUID, decision_id: uuid.UUID, text: str, jurisdiction: str
) -> Decision:
    """Record an order of a report as a decision of a meeting.

    Raises what `record_decision` does, and Conflict `draft_taken` where the draft is a decision already in other words.
    """
    made = decisions.record_decision(
        by=by, now=now, meeting_id=meeting_id, text=text, jurisdiction=jurisdiction, decision_id=decision_id
    )
    if made.text.split() != text.split() or made.jurisdiction != normalise_code(jurisdiction):
        raise Conflict(
            "draft_taken", _("This draft is a decision already, in other words; look at the meeting’s decisions.")
        )
    return made


def points_for(codes: Sequence[str]) -> dict[str, tuple[float, float, float]]:
    """(lon, lat, accuracy in metres) for each code whose place the layers know."""
    return places.points_of(codes)
