"""The desk's page of one vote: what it shows while it is open, and what once it is counted."""

import uuid
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from duban.access import rights
from duban.access.requests import StaffRequest
from duban.commons.deliberation.queries import full_name
from duban.commons.models import PaperCount, Vote
from duban.commons.voting import actions, queries, words
from duban.commons.voting.actions import MANAGES
from duban.core import clock
from duban.core.errors import DubanError

SHOWN_DOORS = 1500


def show_vote(request: StaffRequest, vote: Vote, refusal: DubanError | None = None, **more: Any) -> HttpResponse:
    """The page, also as the answer to a step that was refused; `more` goes into its context."""
    now, place = clock.now(), vote.topic.place
    line = words.line_of(vote, now)
    manages = rights.may(request.user, MANAGES, vote.topic.jurisdiction)
    papers = list(vote.paper_counts.order_by("-entered_at", "pk"))
    counted = vote.result if vote.closed_at is not None else None
    context = {
        "vote": vote,
        "line": line,
        "place": full_name(place),
        "rules": words.rules_of(vote),
        "secrecy": words.secrecy_of(vote),
        "manages": manages,
        "reckoning": words.reckoning_of(vote, counted["counts"], counted) if counted else [],
        "recounted": _recounted(vote) if counted and request.GET.get("recount") else None,
        "doors": _doors(vote) if manages and not counted and line.state != words.PLANNED else [],
        "papers": [(paper, _mine(paper, request)) for paper in papers],
        "waiting": sum(paper.checked_at is None for paper in papers),
        "options": [(key, label, request.POST.get(f"count-{key}", "")) for key, label in words.options_of(vote)],
        "paper_id": request.POST.get("id") or uuid.uuid4(),
        "sent": request.POST,
        "untouched": not counted and not line.turnout and not papers,
        "refusal": refusal,
        **more,
    }
    if context.get("by_choice"):
        context["by_choice"] = [(words.option_word(vote, key), found) for key, found in context["by_choice"].items()]
    return render(request, "commons/voting_vote.html", context, status=refusal.status if refusal else 200)


def _mine(paper: PaperCount, request: StaffRequest) -> bool:
    return paper.entered_by.get("username") == request.user.username


def _recounted(vote: Vote) -> dict[str, Any]:
    """The ballots counted anew, beside what stands."""
    counts, found = actions.recount(vote)
    result = vote.result or {}
    facts = {**found.as_json(), "households": result["households"]}
    same = {**facts, "counts": counts} == result
    labels = words.options_of(vote)
    return {
        "same": same,
        "rows": [(label, result["counts"].get(key, 0), counts.get(key, 0)) for key, label in labels],
        "reckoning": words.reckoning_of(vote, counts, facts),
    }


def _doors(vote: Vote) -> list[tuple[str, bool]]:
    """Each door and whether it has voted; how it did is not asked for."""
    place = vote.topic.place
    voted = set(vote.voted.values_list("household", flat=True))
    found = queries.households_of(place).select_related("place")[:SHOWN_DOORS]
    return [(queries.door_in(one, place), one.pk in voted) for one in found]
