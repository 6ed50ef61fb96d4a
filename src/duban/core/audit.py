"""One helper for the audit trail; every action calls it inside its transaction."""

from datetime import datetime
from typing import Any, Protocol

from duban.core.models import AuditRecord
from duban.core.rows import insert


class Actor(Protocol):
    def as_actor(self) -> dict[str, Any]: ...


class Console:
    """The actor of what somebody at the server's own console orders without naming a person."""

    @staticmethod
    def as_actor() -> dict[str, Any]:
        return {"username": "", "name": "console", "roles": []}


def record(
    *,
    by: Actor,
    now: datetime,
    action: str,
    subject_type: str,
    subject_id: object,
    detail: dict[str, Any] | None = None,
) -> None:
    """Append one record. `detail` must hold no personal data: ids, codes and counts only."""
    row = AuditRecord(
        at=now,
        actor=by.as_actor(),
        action=action,
        subject_type=subject_type,
        subject_id=str(subject_id),
        detail=detail or {},
    )
    insert([row])
