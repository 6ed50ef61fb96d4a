"""Instants as whole microseconds since 1970 in UTC: what windows are compared in."""

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

Micros = NDArray[np.int64]

# An end that is not known yet; later than any instant a file can hold, yet a difference to it cannot overflow.
FOREVER = 1 << 62
MINUTE = 60_000_000
DAY = 86_400_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(moment: datetime) -> int:
    """A moment with its zone, as microseconds."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
