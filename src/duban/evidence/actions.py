"""Writes of the evidence app."""

import re
from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext_lazy as _

from duban.core import audit
from duban.core.audit import Actor
from duban.core.integrity import seal
from duban.core.integrity import sha256 as digest_of
from duban.evidence import files
from duban.evidence.images import BadPhoto, examine
from duban.evidence.models import Photo


def store_photo(*, by: Actor, now: datetime, data: bytes, sha256: str | None = None) -> Photo:
    """Keep the photo: original byte for byte, public copy and thumbnail without metadata. Idempotent.

    `sha256`, if given, is what the sender says the bytes hash to. Files come first, each whole or not there, then the
    row: a crash between leaves files that a replay takes up. Raises BadPhoto (`bad_sha256`, `photo_hash_mismatch` and
    those of `images.examine`); nothing is kept then.
    """
    digest = digest_of(data)
    if sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise BadPhoto("bad_sha256", _("A SHA-256 is 64 hexadecimal digits in lower case."), field="sha256")
    if sha256 is not None and sha256 != digest:
        raise BadPhoto(
            "photo_hash_mismatch", _("The photo changed on its way; send it again."), field="sha256", status=409
        )
    there = Photo.objects.filter(pk=digest).first()
    if there is not None and all(path(digest).exists() for path in files.PATHS.values()):
        return there
    found = examine(data)
    files.keep(files.original_path(digest), data)
    files.keep(files.public_path(digest), found.public)
    files.keep(files.thumbnail_path(digest), found.thumbnail)
    if there is not None:
        return there
    photo = Photo(
        sha256=digest,
        media_type=found.media_type,
        size=len(data),
        width=found.width,
        height=found.height,
        taken_at=found.taken_at,
        lon=found.lon,
        lat=found.lat,
        public_sha256=digest_of(found.public),
        public_width=found.public_width,
        public_height=found.public_height,
        stored_at=now,
        stored_by=by.as_actor(),
    )
    photo.seal = seal(photo.facts_digest())
    try:
        with transaction.atomic():
            photo.save(force_insert=True)
            audit.record(by=by, now=now, action="store_photo", subject_type="photo", subject_id=digest)
    except IntegrityError:
        return Photo.objects.get(pk=digest)
    return photo


@transaction.atomic
def discard_photos(*, by: Actor, now: datetime, sha256s: Iterable[str]) -> None:
    """Let go of photos that came at this very moment (`now`) with something that was then refused.

    One that something refers to stays. Files go before the rows are gone for others, so that whoever stores the same
    photo meanwhile writes its files anew.
    """
    for photo in Photo.objects.select_for_update().filter(pk__in=list(sha256s), stored_at=now).order_by("pk"):
        sha256 = photo.sha256
        try:
            with transaction.atomic():
                photo.delete()
        except ProtectedError:
            continue
        for path in files.PATHS.values():
            path(sha256).unlink(missing_ok=True)
