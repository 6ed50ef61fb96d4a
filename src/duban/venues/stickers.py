"""QR stickers: one as SVG and PNG, several as a sheet to print from the browser or as PDF."""

import io
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import segno
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.engines.typeset import Sticker, render_stickers
from duban.places import queries as places
from duban.venues import actions, filters, queries
from duban.venues.models import Venue
from duban.venues.queries import types_by_key
from duban.venues.views import KEEPS, SEES, rows_of

MOST = 240
"""Stickers at one time: twenty sheets."""
QUIET = 4
"""Modules of white around the code that a reader needs."""


class BadStickers(DubanError):
    pass


def sticker_url(venue: Venue) -> str:
    """What the sticker says: the site's own address, then the venue's token, which tells nothing by itself."""
    return f"{settings.DUBAN_SITE_URL}{reverse('sticker', args=[venue.token])}"


def _code(venue: Venue) -> segno.QRCode:
    # A quarter of it may be scratched: stickers hang by kitchen doors.
    return segno.make(sticker_url(venue), error="q", micro=False)


def svg_of(venue: Venue) -> bytes:
    file = io.BytesIO()
    _code(venue).save(file, kind="svg", border=QUIET, dark="#000", light="#fff", scale=4, xmldecl=False)
    return file.getvalue()


def png_of(venue: Venue) -> bytes:
    file = io.BytesIO()
    _code(venue).save(file, kind="png", border=QUIET, scale=12)
    return file.getvalue()


def qr_svg(venue: Venue) -> SafeString:
    """The code to stand in a page, as wide as its frame; black on white in the dark as well."""
    inline = _code(venue).svg_inline(border=QUIET, dark="#000", light="#fff", omitsize=True, svgclass=None)
    return mark_safe(inline)  # noqa: S308 - drawn from a token of our own making


@dataclass(frozen=True)
class StickerShown:
    venue: Venue
    svg: SafeString
    area: str


def chosen_venues(request: StaffRequest) -> list[Venue]:
    """Those named by ?venue=, else those of the filter, in the order of the list and none that is closed.

    Raises BadStickers (`too_many_stickers`) and what read_filters raises.
    """
    kinds = dict.fromkeys(types_by_key(), "")
    named = [_uuid(text) for text in request.GET.getlist("venue")[: MOST + 1]]
    if named:
        venues = queries.visible_to(request.user).filter(pk__in=[pk for pk in named if pk], closed_at=None)
    else:
        venues = filters.find_venues(request.user, filters.read_filters(request.GET, kinds)).filter(closed_at=None)
    found = list(venues.select_related("kind")[: MOST + 1])
    if len(found) > MOST:
        raise BadStickers(
            "too_many_stickers",
            gettext_lazy("At most 240 stickers at a time; choose a type, a town or single venues."),
        )
    return found


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _names(venues: Sequence[Venue]) -> dict[str, str]:
    return places.names({code for venue in venues for code in (venue.jurisdiction, venue.town)})


@require_safe
@person_who(SEES)
def sheet(request: StaffRequest) -> HttpResponse:
    """The stickers as they will be printed."""
    refusal, venues = None, []
    try:
        venues = chosen_venues(request)
    except DubanError as wrong:
        refusal = wrong
    names = _names(venues)
    context = {
        "stickers": [StickerShown(row.venue, qr_svg(row.venue), row.area) for row in rows_of(venues, names)],
        "query": request.GET.urlencode(),
        "refusal": refusal,
    }
    return render(request, "venues/stickers.html", context, status=refusal.status if refusal else 200)


@require_safe
@person_who(SEES)
def sheet_pdf(request: StaffRequest) -> HttpResponse:
    venues = chosen_venues(request)
    stickers = [
        Sticker(svg_of(row.venue), row.venue.name, (f"{row.venue.kind} · {row.area}", row.venue.address))
        for row in rows_of(venues, _names(venues))
    ]
    language = "zh" if (get_language() or "zh").startswith("zh") else "en"
    pdf = render_stickers(
        stickers, title=_("QR stickers"), caption=_("Scan to inspect"), language=language, printed=clock.now()
    )
    return _file(pdf, "application/pdf", "stickers.pdf")


@require_safe
@person_who(SEES)
def picture(request: StaffRequest, venue_id: uuid.UUID, form: str) -> HttpResponse:
    venue = queries.venue_for(request.user, venue_id)
    if form == "svg":
        return _file(svg_of(venue), "image/svg+xml", f"sticker-{venue.pk}.svg")
    return _file(png_of(venue), "image/png", f"sticker-{venue.pk}.png")


@require_POST
@person_who(KEEPS)
def renew(request: StaffRequest, venue_id: uuid.UUID) -> HttpResponse:
    actions.renew_sticker(by=request.user, now=clock.now(), venue_id=venue_id)
    messages.success(request, _("There is a new sticker; the old one leads nowhere any more."))
    return redirect("patrol:venue", venue_id)


def _file(data: bytes, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(data, content_type=kind)
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return response


urls = [
    path("stickers/", sheet, name="stickers"),
    path("stickers.pdf", sheet_pdf, name="stickers_pdf"),
    path("<uuid:venue_id>/sticker.svg", picture, {"form": "svg"}, name="sticker_svg"),
    path("<uuid:venue_id>/sticker.png", picture, {"form": "png"}, name="sticker_png"),
    path("<uuid:venue_id>/sticker/", renew, name="renew_sticker"),
]
