"""What somebody who goes there for another reason than the ledger's tells it; entries are named by their ids."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import override

from duban.access import rights
from duban.access.models import Person
from duban.ledger import actions
from duban.ledger.appending import MAX_WORDS
from duban.ledger.lifecycle import OPEN, State
from duban.ledger.models import Entry, EntryPhoto


def tell_revisit(
    *, by: Person, now: datetime, entry_id: uuid.UUID, result: str, photos: Sequence[str] = (), note: str = ""
) -> bool:
    """Take the look-back that the result means (stands, recurred, not_inspected) on an entry that is struck off.

    Of an entry in any other state, and for whoever may not look back there, nothing is told. False: it recurred and
    there is no new photo, without which the ledger takes it only as a new finding.
    """
    entry = Entry.objects.select_related("category").get(pk=entry_id)
    if entry.state != State.CLOSED or not rights.may(by, "entry.look_back", entry.jurisdiction, entry.category.kind):
        return True
    had = set(EntryPhoto.objects.filter(entry=entry).values_list("photo_id", flat=True))
    fresh = [photo for photo in photos if photo not in had]
    words = note.strip()[:MAX_WORDS]
    if result == "stands":
        actions.mark_stands(by=by, now=now, entry_id=entry_id, photos=fresh, reason=words)
    elif result == "not_inspected":
        with override("zh-hans"):
            words = words or _("The visit did not look at it.")
        actions.mark_not_inspected(by=by, now=now, entry_id=entry_id, reason=words)
    elif fresh:
        actions.mark_recurred(by=by, now=now, entry_id=entry_id, photos=fresh, reason=words)
    else:
        return False
    return True


def hang_photos(*, by: Person, now: datetime, entry_id: uuid.UUID, photos: Sequence[str]) -> None:
    """Add photos of the same thing to an open entry, for who may record there; what hangs on it already stays."""
    entry = Entry.objects.select_related("category").get(pk=entry_id)
    if rights.may(by, "entry.record", entry.jurisdiction, entry.category.kind):
        for photo in photos:
            actions.add_photo(by=by, now=now, entry_id=entry_id, photo=photo)


def void_open(*, by: Person, now: datetime, entry_ids: Collection[uuid.UUID], reason: str) -> None:
    """Void those of the entries that are open and that this person may void."""
    for entry in Entry.objects.filter(pk__in=entry_ids, state__in=OPEN).select_related("category").order_by("pk"):
        if rights.may(by, "entry.triage", entry.jurisdiction, entry.category.kind):
            actions.void_entry(by=by, now=now, entry_id=entry.pk, reason=reason)
