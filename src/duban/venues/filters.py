"""What of the register is asked for, read from an address and written back to one."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.text import is_plain
from duban.places.codes import normalise_code, within
from duban.venues import queries
from duban.venues.models import Venue
from duban.venues.search import matching


class BadFilter(DubanError):
    pass


@dataclass(frozen=True)
class Filters:
    """Empty is everything but what is closed."""

    text: str = ""
    kind: str = ""
    area: str = ""
    closed: bool = False
    """Those that are there no more, and no others."""


@dataclass(frozen=True)
class Chip:
    """One part of the sentence, and the address of the list without it."""

    words: str
    without: str


def read_filters(query: QueryDict, kinds: Mapping[str, str]) -> Filters:
    """Raises BadFilter (`unknown_venue_type`, `bad_flag`, `bad_text`) and BadCode."""
    text, kind, area = (query.get(name, "").strip() for name in ("text", "kind", "area"))
    if kind and kind not in kinds:
        raise BadFilter("unknown_venue_type", gettext_lazy("There is no type of this key."), field="kind")
    closed = query.get("closed", "")
    if closed not in {"", "1"}:
        raise BadFilter("bad_flag", gettext_lazy("This is 1 or left out."), field="closed")
    if not is_plain(text) or len(text) > 100:
        raise BadFilter("bad_text", gettext_lazy("A search has at most 100 characters."), field="text")
    return Filters(text, kind, normalise_code(area, field="area") if area else "", closed == "1")


def write_filters(wanted: Filters, **more: str) -> str:
    pairs = {"text": wanted.text, "kind": wanted.kind, "area": wanted.area, "closed": "1" if wanted.closed else ""}
    return urlencode({name: value for name, value in (pairs | more).items() if value})


def find_venues(person: Person, wanted: Filters) -> QuerySet[Venue]:
    """The venues asked for that the person may see, in the order of the list."""
    venues = queries.visible_to(person).filter(closed_at__isnull=not wanted.closed)
    if wanted.kind:
        venues = venues.filter(kind=wanted.kind)
    if wanted.area:
        venues = venues.filter(within("jurisdiction", [wanted.area]))
    return matching(venues, wanted.text)


def sentence(wanted: Filters, kinds: Mapping[str, str], names: Mapping[str, str]) -> list[Chip]:
    words = {
        "kind": kinds.get(wanted.kind, ""),
        "area": names.get(wanted.area, wanted.area),
        "text": _("“%(text)s”") % {"text": wanted.text} if wanted.text else "",
        "closed": _("closed") if wanted.closed else "",
    }
    empty = Filters()
    return [
        Chip(said, write_filters(Filters(**{**vars(wanted), name: getattr(empty, name)})))
        for name, said in words.items()
        if said
    ]
