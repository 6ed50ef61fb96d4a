"""Words that somebody typed into a field: stripped, and refused where no database or reader could hold them."""

from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError
from duban.core.text import is_plain


def checked_words(text: str, field: str, most: int, *, error: type[DubanError], code: str, needed: bool = False) -> str:
    """The text, stripped; raises `error` with the code where it is missing or too long, else with `bad_text`."""
    stripped = text.strip()
    if not is_plain(stripped):
        raise error("bad_text", _("The text holds what is no character; type it again."), field=field)
    if needed and not stripped:
        raise error(code, _("Fill this in."), field=field)
    if len(stripped) > most:
        raise error(code, _("At most %(most)d characters.") % {"most": most}, field=field)
    return stripped
