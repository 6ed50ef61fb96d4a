"""The signature that somebody of the venue draws on the screen: a small PNG, kept encrypted."""

import base64
import binascii
import io

from django.db import models
from django.utils.translation import gettext_lazy as _
from PIL import Image, UnidentifiedImageError

from duban.core.errors import DubanError
from duban.core.sealed_text import open_bytes, seal_bytes

MAX_BYTES = 300_000
MAX_SIDE = 2000
HEAD = "data:image/png;base64,"


class SignedAs(models.TextChoices):
    OWNER = "owner", _("owner")
    MANAGER = "manager", _("manager")
    STAFF = "staff", _("a member of staff")
    REFUSED = "refused", _("refused to sign")


class BadSignature(DubanError):
    pass


def read_drawing(text: str) -> bytes | None:
    """The PNG of a data address as a canvas gives it, None if there is none; raises BadSignature (`bad_signature`)."""
    if not text:
        return None
    try:
        if not text.startswith(HEAD) or len(text) > 2 * MAX_BYTES:
            raise ValueError
        return base64.b64decode(text[len(HEAD) :], validate=True)
    except (ValueError, binascii.Error) as error:
        raise _bad() from error


def seal_signature(png: bytes) -> bytes:
    """The drawing encrypted, stripped of all but its points; raises BadSignature (`bad_signature`)."""
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
            if len(png) > MAX_BYTES or max(picture.size) > MAX_SIDE:
                raise _bad()
            drawn = picture.convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise _bad() from error
    file = io.BytesIO()
    # On paper: what a dark screen drew in white is ink as well.
    ink = Image.new("L", drawn.size, 255)
    ink.paste(0, mask=drawn.getchannel("A"))
    ink.save(file, "PNG", optimize=True)
    return seal_bytes(file.getvalue())


def open_signature(sealed: bytes | memoryview) -> bytes:
    """The PNG, black on white."""
    return open_bytes(bytes(sealed))


def _bad() -> BadSignature:
    return BadSignature("bad_signature", _("The signature cannot be read; draw it again."), field="signature")
