"""Pictures of a day: filed with a caption for the page of the day, and withdrawn from it."""

import uuid
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.bulletin.checks import refuse_persons
from duban.bulletin.facts.picture import standing
from duban.bulletin.models import Picture
from duban.core import audit
from duban.core.errors import DubanError, NotFound
from duban.core.text import is_plain
from duban.evidence.actions import store_photo
from duban.evidence.models import Photo
from duban.places.codes import normalise_code

CAPTION, BYLINE = 500, 100
MOST_ON_A_DAY = 4


class BadPicture(DubanError):
    pass


def area_for(person: Person, permission: str, at: str) -> str:
    """The code `at`, else the first at which the person holds the permission. Raises NotAllowed, BadCode."""
    scopes = rights.codes(person, permission)
    code = normalise_code(at, field="at") if at else (scopes[0] if scopes else "")
    rights.require(person, permission, code)
    return code


@transaction.atomic
def file_picture(
    *,
    by: Person,
    now: datetime,
    at: str,
    day: date,
    photo: bytes | str,
    caption_zh: str,
    caption_en: str = "",
    byline: str = "",
) -> Picture:
    """A picture with its caption for the page of `day` at the code `at`; the same photo again gives the first answer.

    `photo` is the file, or the SHA-256 of one that was sent before. Raises NotAllowed, BadCode, BadPhoto, BadPicture
    (`bad_text`, `unknown_photo`, `too_many_pictures`), Conflict (`person_named`, `number_of_person`): what is filed is
    printed without a second look.
    """
    code = normalise_code(at, field="at")
    rights.require(by, "bulletin.draft", code)
    texts = {
        "caption_zh": _plain(caption_zh, "caption_zh", CAPTION),
        "caption_en": _plain(caption_en, "caption_en", CAPTION),
        "byline": _plain(byline, "byline", BYLINE),
    }
    if not texts["caption_zh"]:
        raise BadPicture("bad_text", _("Write the caption of the picture."), field="caption_zh")
    # The byline names who wrote and took it, as a paper does; the caption names nobody.
    refuse_persons(f"{texts['caption_zh']}\n{texts['caption_en']}", code, field="caption_zh")
    stored = kept_photo(photo, by=by, now=now)
    if not standing(code, day).filter(photo=stored).exists() and standing(code, day).count() >= MOST_ON_A_DAY:
        raise BadPicture(
            "too_many_pictures",
            _("A page has at most %(most)d pictures of its own; take one off first.") % {"most": MOST_ON_A_DAY},
            field="photo",
        )
    made, is_new = Picture.objects.get_or_create(
        jurisdiction=code, day=day, photo=stored, withdrawn_at=None,
        defaults={"filed_by": by.username, "filed_at": now, **texts},
    )  # fmt: skip
    if is_new:
        detail = {"day": day.isoformat(), "photo": stored.pk}
        audit.record(by=by, now=now, action="file_picture", subject_type="picture", subject_id=made.pk, detail=detail)
    return made


@transaction.atomic
def withdraw_picture(*, by: Person, now: datetime, picture_id: uuid.UUID) -> Picture:
    """Take a picture off its page; again changes nothing. Raises NotFound (`picture_not_found`), NotAllowed."""
    picture = Picture.objects.select_for_update().filter(pk=picture_id).first()
    if picture is None or not rights.may(by, "bulletin.see", picture.jurisdiction):
        raise NotFound("picture_not_found", _("There is no such picture, or it is not yours to see."))
    rights.require(by, "bulletin.draft", picture.jurisdiction)
    if picture.withdrawn_at is None:
        picture.withdrawn_at = now
        picture.save(update_fields=["withdrawn_at"])
        audit.record(
            by=by, now=now, action="withdraw_picture", subject_type="picture", subject_id=picture.pk, detail={}
        )  # fmt: skip
    return picture


def kept_photo(photo: bytes | str, *, by: Person, now: datetime) -> Photo:
    """The photo of this SHA-256, or stored from these bytes. Raises BadPhoto, BadPicture (`unknown_photo`)."""
    if isinstance(photo, bytes):
        return store_photo(by=by, now=now, data=photo)
    found = Photo.objects.filter(pk=photo).first()
    if found is None:
        raise BadPicture("unknown_photo", _("No such photo was sent; send the file first."), field="photo")
    return found


def _plain(text: str, field: str, limit: int) -> str:
    text = " ".join(text.split())
    if len(text) > limit or not is_plain(text):
        raise BadPicture(
            "bad_text", _("Plain text of at most %(limit)d characters is wanted here.") % {"limit": limit}, field=field
        )
    return text
