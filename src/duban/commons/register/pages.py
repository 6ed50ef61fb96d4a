"""The register of organisations as a table: found by name, place, tier, category, kind, age, members and purpose."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.commons.models import Application, ApplicationState, Organisation, OrganisationKind, Purpose, Stage, Tier
from duban.commons.register import filters, queries
from duban.commons.register.paging import COUNTED, NOTHING, page_of
from duban.commons.register.queries import EDITS, REVIEWS, SEES
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.paging import Count, count_of
from duban.places import queries as places


@dataclass(frozen=True)
class RowShown:
    """One line of the table."""

    organisation: Organisation
    category: str
    area: str


def rows_of(organisations: Iterable[Organisation], names: dict[str, str], categories: dict[str, str]) -> list[RowShown]:
    return [
        RowShown(
            one,
            categories.get(one.category_id, one.category_id),
            names.get(one.jurisdiction) or names.get(one.town, one.town),
        )
        for one in organisations
    ]


def sort_links(wanted: filters.Filters) -> dict[str, dict[str, str]]:
    """For each column that sorts: the address that sorts by it (again: the other way), and how it sorts now."""
    links = {"name": {"url": f"?{_sorted(wanted, '')}", "sorted": "" if wanted.sort else "ascending"}}
    for column in ("members", "founded"):
        first, then = (f"-{column}", column) if column == "members" else (column, f"-{column}")
        target = then if wanted.sort == first else first
        now = {column: "ascending", f"-{column}": "descending"}.get(wanted.sort, "")
        links[column] = {"url": f"?{_sorted(wanted, target)}", "sorted": now}
    return links


def _sorted(wanted: filters.Filters, sort: str) -> str:
    return filters.write_filters(filters.Filters(**{**vars(wanted), "sort": sort}))


def choices_of() -> dict[str, object]:
    """What the selects of the filter offer, but for areas and categories."""
    return {
        "tiers": Tier.choices,
        "kinds": OrganisationKind.choices,
        "purposes": Purpose.choices,
        "stages": Stage.choices,
        "ages": [(age, filters.age_words(age)) for age in filters.AGES],
        "sizes": [(size, filters.members_words(size)) for size in filters.MEMBERS],
    }


def federation_name(wanted: filters.Filters) -> str:
    """What the federation that the filter asks for is called; the register is public, so anybody may know."""
    if not wanted.federation:
        return ""
    return Organisation.objects.filter(pk=wanted.federation).values_list("name", flat=True).first() or ""


@require_safe
@person_who(SEES)
def organisation_list(request: StaffRequest) -> HttpResponse:
    """The table; asked by htmx for its rows, only the rows."""
    person, today = request.user, timezone.localdate(clock.now())
    categories = queries.category_names()
    refusal, wanted, page, total = None, filters.Filters(), NOTHING, Count(0, False)
    try:
        wanted = filters.read_filters(request.GET, categories)
        found = filters.matching(queries.visible_to(person), wanted, today)
        page = page_of(found, wanted.sort, request.GET.get("cursor", ""))
        total = count_of(found, COUNTED)
    except DubanError as wrong:
        refusal = wrong
    areas = queries.area_choices(person, SEES, wanted.area)
    names = dict(areas)
    names |= places.names({one.jurisdiction for one in page.organisations} - set(names))
    waiting = Application.objects.filter(filters.in_areas(rights.codes(person, REVIEWS)), state=ApplicationState.SENT)
    context = {
        "filters": wanted,
        "chips": filters.sentence(wanted, categories, names, federation_name(wanted)),
        "rows": rows_of(page.organisations, names, categories),
        "total": total,
        "earlier": f"?{filters.write_filters(wanted, cursor=page.earlier)}" if page.earlier else "",
        "later": f"?{filters.write_filters(wanted, cursor=page.later)}" if page.later else "",
        "sorts": sort_links(wanted),
        "query": filters.write_filters(wanted),
        "refusal": refusal,
        "may_edit": bool(rights.codes(person, EDITS)),
    }
    partial = request.htmx and not request.htmx.history_restore_request
    if not partial:
        context |= choices_of() | {
            "areas": areas,
            "categories": categories.items(),
            "may_review": bool(rights.codes(person, REVIEWS)),
            "waiting": waiting.count(),
        }
    template = "commons/parts/organisation_rows.html" if partial else "commons/organisation_list.html"
    response = render(request, template, context, status=refusal.status if refusal else 200)
    patch_vary_headers(response, ["HX-Request"])
    return response


urls = [
    path("organisations/", organisation_list, name="organisations"),
]
