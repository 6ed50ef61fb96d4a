"""Writes of problems: listed, put on the ledger, answered for everybody to read."""

import uuid
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.deliberation import queries
from duban.commons.deliberation.actions import MANAGES, BadTopic, managed, settle_problem
from duban.commons.deliberation.public_words import checked_public
from duban.commons.models import Problem, SharedPlace, Topic, TopicState
from duban.core import audit
from duban.core.errors import Conflict
from duban.decisions.models import Decision, DecisionState
from duban.evidence.models import Photo
from duban.ledger.categories import category_index, find_category
from duban.ledger.recording import REPORTS, Finding, record_findings
from duban.places import queries as gazetteer

MAX_PROBLEMS = 200


@transaction.atomic
def list_problem(*, by: Person, now: datetime, topic_id: uuid.UUID, text: str, photo: str = "") -> Problem:
    """One thing that residents say is wrong; the same words again are the one that is there.

    Raises NotFound (`topic_not_found`), NotAllowed, BadTopic (`problem_text`, `personal_number`, `too_many_problems`,
    `unknown_photo`), Conflict (`topic_closed`).
    """
    topic = managed(by, topic_id)
    words = checked_public(text, "text", 300, error=BadTopic, code="problem_text", needed=True)
    if photo and not Photo.objects.filter(pk=photo).exists():
        raise BadTopic("unknown_photo", _("A photo did not arrive; add it again."), field="photo")
    there = topic.problems.filter(text=words).first()
    if there is not None:
        if photo and not there.photo:
            there.photo = photo
            there.save(update_fields=["photo"])
        return there
    if topic.problems.count() >= MAX_PROBLEMS:
        raise BadTopic("too_many_problems", _("At most 200 problems a topic; open another one."), field="text")
    problem = Problem.objects.create(topic=topic, text=words, photo=photo, listed_at=now)
    _audit(by, now, "list_problem", problem)
    return problem


@transaction.atomic
def drop_problem(*, by: Person, now: datetime, problem_id: int) -> None:
    """It was listed by mistake. Raises NotFound, NotAllowed, Conflict (`topic_closed`, `problem_under_way`)."""
    problem, _topic = _managed(by, problem_id)
    if problem.entry is not None or problem.answer or problem.decision_id is not None:
        raise Conflict("problem_under_way", _("It is answered, decided or on the ledger already, and stays listed."))
    _audit(by, now, "drop_problem", problem)
    problem.delete()


@transaction.atomic
def problem_to_entry(
    *,
    by: Person,
    now: datetime,
    problem_id: int,
    category: str,
    description: str = "",
    responsible: str = "",
    lon: float | None = None,
    lat: float | None = None,
) -> Problem:
    """Put it on the ledger, at its place and to be done by the unit of the place, for the decision if there is one.

    A second time changes nothing. Raises NotFound (`problem_not_found`), NotAllowed, BadTopic (`place_nowhere`),
    Conflict (`topic_closed`), UnknownCategory, and what recording a finding raises.
    """
    problem, topic = _managed(by, problem_id)
    if problem.entry is not None:
        return problem
    place = topic.place
    finding = Finding(
        # Its own id, so that a replay finds the entry that is there.
        id=uuid.uuid5(topic.pk, f"problem:{problem.pk}"),
        category=find_category(category, category_index()),
        found_at=problem.listed_at,
        description=description.strip() or problem.text,
        datum="wgs84",
        photos=(problem.photo,) if problem.photo else (),
        statement=queries.whole_address(place)[:300],
        responsible=responsible,
        jurisdiction=place.jurisdiction,
        **_position(place, lon, lat),
    )
    recorded, refused = record_findings(by=by, now=now, findings=[finding], right=REPORTS)
    if refused:
        raise refused[0]
    problem.entry = recorded[0].entry.pk
    problem.save(update_fields=["entry"])
    decision = problem.decision or _decided(topic)
    if decision is not None:
        settle_problem(by, now, problem, decision)
    _audit(by, now, "problem_to_entry", problem, entry=str(problem.entry))
    return problem


def _position(place: SharedPlace, lon: float | None, lat: float | None) -> dict[str, Any]:
    """What is given; else where the place, or what it lies in, is; else what stands for its area."""
    if lon is not None and lat is not None:
        return {"lon": lon, "lat": lat, "position_source": "map"}
    for one in reversed(queries.chain_of(place)):
        if one.lon is not None and one.lat is not None:
            return {"lon": one.lon, "lat": one.lat, "position_source": "map"}
    point = gazetteer.point_of(place.jurisdiction)
    if point is None:
        raise BadTopic(
            "place_nowhere", _("Nobody knows where this place lies; give it a position first."), field="place"
        )
    return {"lon": point[0], "lat": point[1], "accuracy_m": point[2], "position_source": "statement"}


def _decided(topic: Topic) -> Decision | None:
    """What was decided about the topic, where it is one thing alone: of several a person says which settles it."""
    if topic.state != TopicState.DECIDED or topic.meeting is None:
        return None
    found = list(topic.meeting.decisions.filter(state=DecisionState.IN_FORCE)[:2])
    return found[0] if len(found) == 1 else None


@transaction.atomic
def answer_problem(*, by: Person, now: datetime, problem_id: int, answer: str) -> Problem:
    """What is done about it, or why nothing is, for everybody to read; other words take its place.

    Raises NotFound (`problem_not_found`), NotAllowed, BadTopic (`answer_missing`, `personal_number`), Conflict
    (`topic_closed`).
    """
    problem, _topic = _managed(by, problem_id)
    words = checked_public(answer, "answer", 2000, error=BadTopic, code="answer_missing", needed=True)
    if words == problem.answer:
        return problem
    problem.answer, problem.answered_at, problem.answered_by = words, now, by.as_actor()
    problem.save(update_fields=["answer", "answered_at", "answered_by"])
    _audit(by, now, "answer_problem", problem)
    return problem


def _managed(by: Person, problem_id: int) -> tuple[Problem, Topic]:
    """The problem and its topic, both locked, the topic first: so does everybody who changes either."""
    topic = managed(by, queries.problem_for(by, problem_id).topic_id)
    problem = queries.problem_for(by, problem_id, lock=True)
    rights.require(by, MANAGES, topic.jurisdiction)
    return problem, topic


def _audit(by: Person, now: datetime, action: str, problem: Problem, **detail: Any) -> None:
    audit.record(by=by, now=now, action=action, subject_type="problem", subject_id=problem.pk, detail=detail)
