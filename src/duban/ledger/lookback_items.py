"""What a revisit means for the round that waits for the entry."""

from datetime import datetime

from duban.ledger.models import Entry, LookbackItem


def settle_items(entry: Entry, result: str, *, now: datetime) -> None:
    """Write the result into the open round that the entry is in, drawn or not; what recurred stays recurred."""
    waiting = LookbackItem.objects.filter(entry=entry, open=True).exclude(result="recurred")
    waiting.update(result=result, seen_at=now)
