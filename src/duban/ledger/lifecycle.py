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
    HELD = "held", _("on hold")
    REMEDIED = "remedied", _("remedied")
    CLOSED = "closed", _("closed")
    MERGED = "merged", _("merged")
    SPLIT = "split", _("split")
    VOID = "void", _("void")


OPEN = (State.FOUND, State.LISTED, State.ASSIGNED, State.HELD, State.REMEDIED)
UNREMEDIED = (State.FOUND, State.LISTED, State.ASSIGNED)


class Need(StrEnum):
    """What a step must bring along."""

    REASON = "reason"
    UNIT = "unit"
    UNITS = "units"
    UNTIL = "until"
    PHOTO = "photo"
    AFTER_PHOTO = "after_photo"
    INTO = "into"


class Guard(StrEnum):
    """What must be so beside the state."""

    NO_EXTENSION_ASKED = "no_extension_asked"
    EXTENSION_ASKED = "extension_asked"


GUARDS: dict[Guard, Promise] = {
    Guard.NO_EXTENSION_ASKED: _("More time has been asked for already; that is decided first."),
    Guard.EXTENSION_ASKED: _("Nobody has asked for more time."),
}


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
    guard: Guard | None = None

    @property
    def by_person(self) -> bool:
        """Whether people take it; the others follow from what is loaded."""
        return self.permission != "entry.redate"

    @property
    def by_unit(self) -> bool:
        """Whether the unit that must fix it takes the step, not who answers for the place."""
        return self.permission == "entry.handle"


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
            (
                State.LISTED,
                State.ASSIGNED,
            ),
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
            _("A supervisor has seen the evidence and strikes the entry off; a look-back falls due."),
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
            "ask_extension",
            _("Ask for more time"),
            (State.ASSIGNED,),
            None,
            "entry.handle",
            _("The unit cannot make it in time and says why and until when."),
            (
                Need.REASON,
                Need.UNTIL,
            ),
            guard=Guard.NO_EXTENSION_ASKED,
        ),
        Transition(
            "grant_extension",
            _("Grant more time"),
            (State.ASSIGNED,),
            None,
            "entry.triage",
            _("The later deadline holds from now on."),
            guard=Guard.EXTENSION_ASKED,
        ),
        Transition(
            "refuse_extension",
            _("Refuse more time"),
            (State.ASSIGNED,),
            None,
            "entry.triage",
            _("The deadline stays as it is."),
            (Need.REASON,),
            guard=Guard.EXTENSION_ASKED,
        ),
        Transition(
            "hold",
            _("Put on hold"),
            (State.ASSIGNED,),
            State.HELD,
            "entry.triage",
            _("Nothing can be done for now (weather, works, a dispute); the time stands still."),
            (Need.REASON,),
        ),
        Transition(
            "resume",
            _("Resume"),
            (State.HELD,),
            State.ASSIGNED,
            "entry.triage",
            _("The obstacle is gone and the time runs on, later by as long as it stood still."),
        ),
        Transition(
            "escalate",
            _("Escalate"),
            (
                State.ASSIGNED,
                State.HELD,
                State.REMEDIED,
            ),
            None,
            "entry.triage",
            _("The leaders of the unit are told that it hangs."),
            (Need.REASON,),
        ),
        Transition(
            "split",
            _("Split into parts"),
            (
                State.LISTED,
                State.ASSIGNED,
            ),
            State.SPLIT,
            "entry.triage",
            _("Several units must act: each gets an entry of its own, and this one lives on in them."),
            (Need.UNITS,),
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
            "unmerge",
            _("Take out of the merger"),
            (State.MERGED,),
            State.LISTED,
            "entry.triage",
            _("It was another thing after all; it goes its own way again."),
            (Need.REASON,),
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
            "restore",
            _("Restore"),
            (State.VOID,),
            State.LISTED,
            "entry.triage",
            _("Voiding it was a mistake."),
            (Need.REASON,),
        ),
        Transition(
            "reopen",
            _("Reopen"),
            (State.CLOSED,),
            State.ASSIGNED,
            "entry.triage",
            _("It was struck off by mistake; the unit must go again."),
            (Need.REASON,),
        ),
        Transition(
            "stands",
            _("Looked back: stands"),
            (State.CLOSED,),
            None,
            "entry.look_back",
            _("Somebody went there again, and it is still fixed."),
        ),
        Transition(
            "recurred",
            _("Looked back: recurred"),
            (State.CLOSED,),
            State.ASSIGNED,
            "entry.look_back",
            _("It is there again: a new cycle of the same entry begins, with a deadline of its own."),
            (Need.PHOTO,),
        ),
        Transition(
            "not_inspected",
            _("Looked back: not inspected"),
            (State.CLOSED,),
            None,
            "entry.look_back",
            _("Nobody could look; the look-back is still owed, and no figure counts it as fixed."),
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
        Transition(
            "redate",
            _("Set the deadline by the calendar"),
            (
                State.ASSIGNED,
                State.REMEDIED,
            ),
            None,
            "entry.redate",
            _("The calendar of a year was loaded, and a provisional deadline is computed again."),
        ),
    )
}
