"""Photos that come with a form of needs: stored before what names them, and let go again where that is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from duban.commons.pairing.actions import MAX_PHOTOS, BadNeed
from duban.core.audit import Actor
from duban.core.errors import DubanError
from duban.evidence.actions import discard_photos, store_photo


@dataclass(frozen=True)
class Partner:
    """Who has signed up and sends photos without an account: an organisation or unit by its name."""

    name: str

    def as_actor(self) -> dict[str, Any]:
        return {"username": "", "name": self.name, "roles": []}


def store_photos(files: Sequence[UploadedFile], *, by: Actor, now: datetime, field: str = "photos") -> list[str]:
    """Their hashes, all or none. Raises BadNeed (`too_many_photos`), BadPhoto with the field that it came in."""
    if len(files) > MAX_PHOTOS:
        raise BadNeed("too_many_photos", _("At most 9 photos at a time."), field=field)
    stored: list[str] = []
    try:
        for file in files:
            stored.append(store_photo(by=by, now=now, data=file.read()).pk)
    except DubanError as refusal:
        discard_photos(by=by, now=now, sha256s=stored)
        refusal.field = field
        raise
    return list(dict.fromkeys(stored))
