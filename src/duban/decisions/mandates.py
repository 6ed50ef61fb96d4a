"""What carries a decision out holds a key down to it: how such a key is laid and taken away, whatever the work is.

Each app above keeps its own table of keys (an heir of `Mandate`) and says how far its work is; a decision knows of none
of them.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import models

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.decisions.models import Decision, Mandate
from duban.decisions.queries import decision_for, require_in_force

RECORDS = "decision.record"
M = TypeVar("M", bound=Mandate)


@dataclass(frozen=True)
class Work:
    """How far work of one kind is that carries one decision out.

    `pieces` of it are linked, of which `finished` need nothing more and `late` are past their day; `done` of `of` are
    in what that kind of work counts, and `share` is the sum over the pieces of how far each is, from 0 to 1.
    `told` False: the reader may not know these three, because they are of few people.
    """

    pieces: int
    finished: int
    late: int
    done: int
    of: int
    share: float
    told: bool = True


def share_of(done: int, of: int) -> float:
    """How far a piece is, from 0 to 1; of nothing to do nothing is done yet."""
    return min(done / of, 1.0) if of else 0.0


def decision_to_link(person: Person, decision_id: uuid.UUID, *, permission: str, code: str) -> Decision:
    """The decision, locked, for whoever recorded it or may do the work of this permission there.

    Raises NotFound (`decision_not_found`), NotAllowed (`not_allowed`).
    """
    decision = decision_for(person, decision_id, lock=True)
    if not rights.may(person, RECORDS, decision.meeting.body.jurisdiction):
        rights.require(person, permission, code)
    return decision


def lay_key(model: type[M], *, by: Person, now: datetime, decision: Decision, kind: str, **work: models.Model) -> M:
    """The work (one named field of the model) carries the decision out; where it does already nothing changes.

    The decision is locked, so that of two at once the second finds the key. Raises Conflict (`decision_over`).
    """
    manager: models.Manager[M] = model._default_manager
    there = manager.filter(decision=decision, ended_at=None, **work).first()
    if there is not None:
        return there
    require_in_force(decision)
    link = manager.create(decision=decision, by=by.as_actor(), at=now, **work)
    _audit(by, now, f"link_{kind}", decision, work)
    return link


def take_key(model: type[M], *, by: Person, now: datetime, decision: Decision, kind: str, **work: models.Model) -> bool:
    """The work does not carry it out after all; False where no key lay. Raises Conflict (`decision_over`)."""
    standing = model._default_manager.filter(decision=decision, ended_at=None, **work)
    if not standing.exists():
        return False
    require_in_force(decision)
    standing.update(ended_at=now, ended_by=by.as_actor())
    _audit(by, now, f"unlink_{kind}", decision, work)
    return True


def _audit(by: Person, now: datetime, action: str, decision: Decision, work: dict[str, Any]) -> None:
    keys = {name: str(one.pk) for name, one in work.items()}
    audit.record(by=by, now=now, action=action, subject_type="decision", subject_id=decision.pk, detail=keys)
