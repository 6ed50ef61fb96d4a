"""Errors that a person can act on: a stable code, a translated sentence, and the field or row at fault."""

from typing import Any

from django.utils.functional import Promise


class DubanError(Exception):
    """A refusal. `code` is stable and tested; `message` says what is wrong and how to mend it.

    `status` is the HTTP answer: 400 bad input, 403 not allowed, 404 absent or hidden, 409 in conflict with what is
    stored. `field` names the form field or column, `row` the 1-based row of a file, heading line included.
    """

    status = 400

    def __init__(
        self,
        code: str,
        message: str | Promise,
        *,
        field: str | None = None,
        row: int | None = None,
        status: int | None = None,
    ):
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.field = field
        self.row = row
        if status is not None:
            self.status = status

    def __str__(self) -> str:
        return str(self.message)

    def as_dict(self) -> dict[str, Any]:
        """The shape every API answers with."""
        answer: dict[str, Any] = {"code": self.code, "message": str(self.message)}
        if self.field is not None:
            answer["field"] = self.field
        if self.row is not None:
            answer["row"] = self.row
        return answer


class NotAllowed(DubanError):
    status = 403


class NotFound(DubanError):
    """Absent and forbidden answer alike, so that nobody learns what exists elsewhere."""

    status = 404


class Conflict(DubanError):
    status = 409
