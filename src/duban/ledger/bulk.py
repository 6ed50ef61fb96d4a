"""One step on many rows of the table, each row for itself."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django_htmx.http import trigger_client_event

from duban.access.models import Person
from duban.core import clock
from duban.core.errors import DubanError
from duban.ledger import actions, queries
from duban.ledger.appending import WrongState, reason_of
from duban.ledger.lifecycle import TRANSITIONS, State
from duban.ledger.models import Entry
from duban.ledger.views import StaffRequest, person_who

LIMIT = 200
WITH_REASON = ("hold", "resume", "escalate")


@dataclass(frozen=True)
class Outcome:
    """A row that was refused, and why."""

    number: str
    url: str
    refusal: DubanError


@require_POST
@person_who("entry.triage")
def bulk(request: StaffRequest) -> HttpResponse:
    """One step on every row selected, with one unit or one reason for all; a line for each that was refused."""
    person, now = request.user, clock.now()
    action = request.POST.get("action", "")
    facts = _facts(action, request)
    verb: Callable[..., Any] = _assign_listed if action == "assign" else actions.VERBS[action]
    done, refused = 0, []
    for entry_id, seen in _selected(request):
        try:
            verb(by=person, now=now, entry_id=entry_id, seen=seen, **facts)
            done += 1
        except DubanError as refusal:
            refused.append((entry_id, refusal))
    numbers = dict(
        Entry.objects.visible_to(person).filter(pk__in=[pair[0] for pair in refused]).values_list("pk", "number")
    )
    outcomes = [
        Outcome(numbers.get(entry_id, "–"), reverse("ledger:entry", args=[entry_id]), refusal)
        for entry_id, refusal in refused
    ]
    context = {
        "done": done,
        "refused": outcomes,
        "label": TRANSITIONS[action].label,
        "back": request.POST.get("back", ""),
    }
    template = "ledger/parts/bulk_result.html" if request.htmx else "ledger/bulk_result.html"
    response = render(request, template, context)
    return trigger_client_event(response, "ledger-changed", after="settle") if done else response


def _facts(action: str, request: StaffRequest) -> dict[str, str]:
    """What the step needs beside the rows; a reason that is missing is missing for all of them."""
    if action == "list":
        return {}
    if action == "assign":
        return {"unit": request.POST.get("unit", "").strip()}
    if action in WITH_REASON:
        return {"reason": reason_of(request.POST.get("reason", ""), action)}
    raise DubanError(
        "unknown_action",
        _("In bulk, entries can be put on the ledger, assigned, held, resumed or escalated."),
        field="action",
    )


def _selected(request: StaffRequest) -> list[tuple[uuid.UUID, int]]:
    chosen = request.POST.getlist("entry")
    if not chosen:
        raise DubanError("nothing_selected", _("Select rows first."), field="entry")
    if len(chosen) > LIMIT:
        raise DubanError("too_many_selected", _("At most 200 rows at once."), field="entry")
    return [_read_selected(word) for word in chosen]


def _read_selected(word: str) -> tuple[uuid.UUID, int]:
    entry_id, _colon, seen = word.partition(":")
    try:
        return uuid.UUID(entry_id), int(seen[:9])
    except ValueError as error:
        raise DubanError("bad_selection", _("Select the rows again."), field="entry") from error


def _assign_listed(*, by: Person, now: datetime, entry_id: uuid.UUID, seen: int, unit: str) -> Entry:
    """Assign, due by the rule; one assigned already is refused, since its deadline would move unnoticed."""
    if queries.entry_for(by, entry_id).state == State.ASSIGNED:
        raise WrongState(
            "already_assigned", _("It is assigned already; another unit or deadline is set on its own page.")
        )
    return actions.assign_entry(by=by, now=now, entry_id=entry_id, seen=seen, unit=unit)
