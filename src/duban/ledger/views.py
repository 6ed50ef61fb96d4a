"""The ledger table: its rows and its photos."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.decorators import login_required
from django.db.models import Prefetch, prefetch_related_objects
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who, scope_of
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.paging import Count
from duban.evidence.responses import photo_response
from duban.ledger import filters, forms, queries
from duban.ledger.categories import category_index
from duban.ledger.lifecycle import State
from duban.ledger.models import Category, Entry, EntryPhoto, Moment
from duban.ledger.paging import Page, page_of
from duban.ledger.queries import SEEING
from duban.ledger.saved import saved_filters
from duban.places import queries as places
from duban.places.codes import covers

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
    refusal, wanted, categories = None, queries.Filters(), category_index()
    try:
        wanted = filters.read_filters(request.GET, categories)
        found = queries.find_entries(person, wanted, now=now)
        page = page_of(found.entries, wanted.sort, request.GET.get("cursor", ""), count=found.few)
        total = found.total if page.total is None else Count(page.total, False)
    except DubanError as wrong:
        refusal, page, total = wrong, Page([], "", ""), Count(0, False)
    attach_categories(page.entries, categories)
    prefetch_related_objects(page.entries, _first_pictures())
    query = filters.write_filters(wanted)
    areas = area_choices(scope_of(person, *SEEING))
    names = dict(areas)
    if unnamed := {code for code in [wanted.area, *(entry.responsible for entry in page.entries)] if code} - set(names):
        names |= places.names(unnamed)
    triaged = rights.codes(person, "entry.triage")
    context = {
        "filters": wanted,
        "chips": filters.sentence(wanted, names, categories),
        "rows": rows_of(page.entries, names, now=now),
        "total": total,
        "older": f"?{filters.write_filters(wanted, cursor=page.older)}" if page.older else "",
        "newer": f"?{filters.write_filters(wanted, cursor=page.newer)}" if page.newer else "",
        "sorts": filters.sort_links(wanted),
        "query": query,
        "here": filters.write_filters(wanted, cursor="" if refusal else request.GET.get("cursor", "")),
        "refusal": refusal,
        "may_triage": bool(triaged),
        "units": [(code, name) for code, name in areas if covers(triaged, code)],
        "saved": saved_filters(person),
        "may_record": bool(rights.codes(person, "entry.record")),
    }
    if request.htmx and not request.htmx.history_restore_request:
        response = render(request, "ledger/parts/rows.html", context, status=refusal.status if refusal else 200)
    else:
        context |= {
            "states": State.choices,
            "categories": forms.category_choices(categories),
            "dues": filters.DUE_WORDS.items(),
            "areas": with_chosen(areas, wanted.area, names),
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


def attach_categories(entries: Iterable[Entry], categories: Mapping[str, Category]) -> None:
    """Give entries their categories out of category_index, which the page has read anyway."""
    by_key = {category.pk: category for category in categories.values()}
    for entry in entries:
        if entry.category_id in by_key:
            entry.category = by_key[entry.category_id]


def area_choices(codes: Iterable[str]) -> list[tuple[str, str]]:
    """(code, name) of the counties and towns within the codes."""
    return [(unit.code, unit.name) for unit in places.counties_and_towns(codes)]


def with_chosen(areas: list[tuple[str, str]], chosen: str, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """The choices, and the unit chosen if it is a finer one."""
    return areas if not chosen or chosen in dict(areas) else [*areas, (chosen, names.get(chosen, chosen))]


@require_GET
@login_required
def photo(request: StaffRequest, sha256: str, variant: str) -> HttpResponseBase:
    """A photo of an entry that the person may see; else there is none."""
    if not queries.may_see_photo(request.user, sha256):
        raise Http404(sha256)
    return photo_response(request, sha256, variant)
