"""The one place that asks the machine what time it is; actions are told `now` and never ask."""

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)
