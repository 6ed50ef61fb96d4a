"""What a revisit means for the rounds that an entry was drawn for."""

from datetime import datetime

from duban.ledger.models import Entry, LookbackItem


def settle_items(entry: Entry, result: str, *, now: datetime) -> None:
    """Write the result into every round that still waits for this entry."""
    LookbackItem.objects.filter(entry=entry, result="").update(result=result, seen_at=now)
