"""The ledger table: its rows, its map and its export."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_safe
from django_htmx.middleware import HtmxDetails

from duban.access import rights
from duban.access.models import Person
from duban.core import clock
from duban.core.errors import DubanError, NotAllowed
from duban.evidence.responses import photo_response
from duban.ledger import filters, forms, queries
from duban.ledger.export import csv_lines
from duban.ledger.lifecycle import State
from duban.ledger.models import Entry, EntryPhoto, Moment
from duban.ledger.paging import Page, page_of
from duban.ledger.queries import SEEING, Count
from duban.ledger.saved import saved_filters
from duban.places import queries as places

View = Callable[..., HttpResponseBase]


class StaffRequest(HttpRequest):
    """A request of somebody logged in, behind `person_who` or the API's own login."""

    user: Person
    htmx: HtmxDetails


def person_who(*permissions: str) -> Callable[[View], View]:
    """Only for people logged in who hold one of the permissions somewhere; others are told that they do not."""

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def checked(request: StaffRequest, *args: Any, **options: Any) -> HttpResponseBase:
            if not scope_of(request.user, *permissions):
                raise NotAllowed("not_allowed", _("None of your roles opens this page."))
            return view(request, *args, **options)

        return checked

    return decorate


# ---- the table ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RowShown:
    """One line of the table."""

    entry: Entry
    word: str
    overdue: bool
    unit: str
    thumbnail: str
    select: str
    """id and event count: a bulk step on a row that has changed since is refused."""


@require_safe
@person_who(*SEEING)
def entry_list(request: StaffRequest) -> HttpResponse:
    """The table; asked by htmx for its rows, only the rows."""
    person, now = request.user, clock.now()
    refusal, wanted = None, queries.Filters()
    try:
        wanted = filters.read_filters(request.GET)
        found = queries.find_entries(person, wanted, now=now)
        page = page_of(found.entries.prefetch_related(_first_pictures()), wanted.sort, request.GET.get("cursor", ""))
        total = found.total
    except DubanError as wrong:
        refusal, page, total = wrong, Page([], "", ""), Count(0, False)
    query = filters.write_filters(wanted)
    names = places.names({entry.responsible for entry in page.entries} | ({wanted.area} - {""}))
    context = {
        "filters": wanted,
        "chips": filters.sentence(wanted, names),
        "rows": rows_of(page.entries, names, now=now),
        "total": total,
        "older": f"?{filters.write_filters(wanted, cursor=page.older)}" if page.older else "",
        "newer": f"?{filters.write_filters(wanted, cursor=page.newer)}" if page.newer else "",
        "sorts": filters.sort_links(wanted),
        "query": query,
        "here": filters.write_filters(wanted, cursor="" if refusal else request.GET.get("cursor", "")),
        "refusal": refusal,
        "may_triage": bool(rights.codes(person, "entry.triage")),
        "units": area_choices(rights.codes(person, "entry.triage")),
        "saved": saved_filters(person),
        "may_record": bool(rights.codes(person, "entry.record")),
    }
    if request.htmx and not request.htmx.history_restore_request:
        response = render(request, "ledger/parts/rows.html", context, status=refusal.status if refusal else 200)
    else:
        context |= {
            "states": State.choices,
            "categories": forms.category_choices(),
            "dues": filters.DUE_WORDS.items(),
            "areas": area_choices(scope_of(person, *SEEING), chosen=wanted.area, name=names.get(wanted.area, "")),
        }
        response = render(request, "ledger/list.html", context, status=refusal.status if refusal else 200)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _first_pictures() -> Prefetch:
    pictures = EntryPhoto.objects.filter(moment=Moment.BEFORE).order_by("position")
    return Prefetch("photos", queryset=pictures, to_attr="pictures")


def rows_of(entries: Iterable[Entry], names: dict[str, str], *, now: datetime) -> list[RowShown]:
    """Entries as lines of a table; their first pictures were prefetched."""
    return [
        RowShown(
            entry=entry,
            word=str(State(entry.state).label),
            overdue=queries.is_overdue(entry, now),
            unit=names.get(entry.responsible, entry.responsible),
            thumbnail=entry.pictures[0].photo_id if entry.pictures else "",  # type: ignore[attr-defined]
            select=f"{entry.id}:{entry.event_count}",
        )
        for entry in entries
    ]


def area_choices(codes: Iterable[str], *, chosen: str = "", name: str = "") -> list[tuple[str, str]]:
    """(code, name) of the counties and towns within the codes, and the code chosen if it is a finer one."""
    choices = [(unit.code, unit.name) for unit in places.counties_and_towns(codes)]
    if chosen and chosen not in dict(choices):
        choices.append((chosen, name or chosen))
    return choices


def scope_of(person: Person, *permissions: str) -> list[str]:
    """Every code at which the person holds one of the permissions."""
    return [code for permission in permissions for code in rights.codes(person, permission)]


@require_GET
@person_who(*SEEING)
def entry_export(request: StaffRequest) -> StreamingHttpResponse:
    """All rows of the filter as CSV."""
    wanted = filters.read_filters(request.GET)
    now = clock.now()
    found: QuerySet[Entry] = queries.find_entries(request.user, wanted, now=now).entries
    response = StreamingHttpResponse(csv_lines(found), content_type="text/csv; charset=utf-8")
    name = f"ledger-{timezone.localtime(now):%Y%m%d-%H%M}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_GET
@login_required
def photo(request: StaffRequest, sha256: str, variant: str) -> HttpResponseBase:
    """A photo of an entry that the person may see; else there is none."""
    if not queries.may_see_photo(request.user, sha256):
        raise Http404(sha256)
    return photo_response(request, sha256, variant)
