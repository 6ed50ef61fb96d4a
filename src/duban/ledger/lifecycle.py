"""The one table of an entry's life: from where, to where, who may, with what evidence, and why.

Pages, API, docs and tests are made from TRANSITIONS; nothing else knows which step may follow which.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    FOUND = "found", _("found")
    LISTED = "listed", _("listed")
    ASSIGNED = "assigned", _("assigned")
    REMEDIED = "remedied", _("remedied")
    CLOSED = "closed", _("closed")
    MERGED = "merged", _("merged")
    VOID = "void", _("void")


OPEN = (State.FOUND, State.LISTED, State.ASSIGNED, State.REMEDIED)
UNREMEDIED = (State.FOUND, State.LISTED, State.ASSIGNED)


class Need(StrEnum):
    """What a step must bring along."""

    REASON = "reason"
    UNIT = "unit"
    AFTER_PHOTO = "after_photo"
    INTO = "into"


@dataclass(frozen=True)
class Transition:
    action: str
    label: Promise
    sources: tuple[State, ...]
    target: State | None
    """None: the state stays."""
    permission: str
    why: Promise
    needs: tuple[Need, ...] = ()


TRANSITIONS: dict[str, Transition] = {
    step.action: step
    for step in (
        Transition(
            "list",
            _("Put on the ledger"),
            (State.FOUND,),
            State.LISTED,
            "entry.triage",
            _("A supervisor accepts the finding as a case."),
        ),
        Transition(
            "assign",
            _("Assign"),
            (State.LISTED, State.ASSIGNED),
            State.ASSIGNED,
            "entry.triage",
            _("The unit that must fix it is told, and its time starts to run."),
            (Need.UNIT,),
        ),
        Transition(
            "remedy",
            _("Submit the remedy"),
            (State.ASSIGNED,),
            State.REMEDIED,
            "entry.handle",
            _("The unit shows with a photo that it is fixed; a claim alone is not enough."),
            (Need.AFTER_PHOTO,),
        ),
        Transition(
            "close",
            _("Verify and strike off"),
            (State.REMEDIED,),
            State.CLOSED,
            "entry.triage",
            _("A supervisor has seen the evidence and strikes the entry off."),
        ),
        Transition(
            "reject",
            _("Reject (rework)"),
            (State.REMEDIED,),
            State.ASSIGNED,
            "entry.triage",
            _("The evidence does not show that it is fixed; the unit must go again."),
            (Need.REASON,),
        ),
        Transition(
            "return",
            _("Return (not ours)"),
            (State.ASSIGNED,),
            State.LISTED,
            "entry.handle",
            _("The unit says that it is not its duty, and whose it is if it knows."),
            (Need.REASON,),
        ),
        Transition(
            "merge",
            _("Merge into another"),
            OPEN,
            State.MERGED,
            "entry.triage",
            _("The same thing was already on the ledger."),
            (Need.INTO,),
        ),
        Transition(
            "void",
            _("Void"),
            OPEN,
            State.VOID,
            "entry.triage",
            _("There was nothing to put on the ledger; the entry stays readable."),
            (Need.REASON,),
        ),
        Transition(
            "amend",
            _("Amend"),
            OPEN,
            None,
            "entry.triage",
            _("Category, statement, place or description are put right, and the history says so."),
        ),
        Transition(
            "add_photo",
            _("Add a photo"),
            OPEN,
            None,
            "entry.record",
            _("A photo of the finding that came late still attaches."),
        ),
    )
}
