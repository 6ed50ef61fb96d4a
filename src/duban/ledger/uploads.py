"""Photos on their way into a form: stored at once under their hash, and carried by a signed word meanwhile.

The word proves that this person sent this photo here, so a form that comes back with an error keeps its photos, and
nobody can attach (and so see) a photo of which they know no more than the hash.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing
from django.core.files.uploadedfile import UploadedFile

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.evidence.actions import store_photo
from duban.evidence.models import Photo

SALT = "duban.ledger.photo"
KEPT_FOR = timedelta(days=7)


@dataclass(frozen=True)
class Kept:
    """A stored photo and the word that stands for it in the form."""

    photo: Photo
    word: str


@dataclass(frozen=True)
class Refused:
    name: str
    refusal: DubanError


def store_files(files: Iterable[UploadedFile], *, by: Person, now: datetime) -> tuple[list[Kept], list[Refused]]:
    """Store each picture; what is none comes back with the reason and keeps none of the others."""
    kept, refused = [], []
    for file in files:
        try:
            photo = store_photo(by=by, now=now, data=file.read())
        except DubanError as refusal:
            refused.append(Refused(file.name or "", refusal))
        else:
            kept.append(keep(photo, by))
    return kept, refused


def keep(photo: Photo, by: Person) -> Kept:
    return Kept(photo, signing.dumps([photo.pk, by.pk], salt=SALT))


def kept_photo(word: str, by: Person) -> str | None:
    """The hash that the word stands for, or None if it is not this person's or has run out."""
    try:
        sha256, person = signing.loads(word, salt=SALT, max_age=KEPT_FOR)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return sha256 if person == by.pk else None


def read_kept(words: Iterable[str], by: Person) -> list[Kept]:
    """The photos that a form's words stand for, in their order, each once."""
    shas = list(dict.fromkeys(sha for word in words if (sha := kept_photo(word, by))))
    photos = Photo.objects.in_bulk(shas)
    return [keep(photos[sha], by) for sha in shas if sha in photos]


def merge_kept(*groups: Iterable[Kept]) -> list[Kept]:
    """All of them in order, each photo once."""
    return list({kept.photo.pk: kept for group in groups for kept in group}.values())
