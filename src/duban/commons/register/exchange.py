"""The register as a workbook that an import takes back, and as HSDS for other registers."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import openpyxl
from django.conf import settings
from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET
from openpyxl.styles import Font
from openpyxl.worksheet.datavalidation import DataValidation

from duban.access.requests import StaffRequest, person_who
from duban.commons.models import Organisation, OrganisationCategory, OrganisationKind, Tier
from duban.commons.register import filters, hsds, queries
from duban.commons.register.importing import COLUMNS
from duban.commons.register.queries import EDITS, SEES
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.workbooks import XLSX, write_workbook
from duban.places import queries as places

MOST_ROWS, CHUNK = 20_000, 2000
"""Of a workbook that is written while the browser waits."""
MORE = ("jurisdiction_name", "purpose", "brand", "federation", "dissolved")
"""Columns beside those of the organisations file, which an import leaves alone."""
WIDTHS = {
    "name": 34, "tier": 12, "credit_code": 22, "filing_number": 22, "category": 16, "jurisdiction": 16, "members": 10,
    "founded": 12, "kind": 12, "jurisdiction_name": 24, "purpose": 16, "brand": 20, "federation": 30, "dissolved": 12,
}  # fmt: skip


class TooMany(DubanError):
    pass


def _asked(request: StaffRequest) -> QuerySet[Organisation]:
    wanted = filters.read_filters(request.GET, queries.category_names())
    return filters.matching(queries.visible_to(request.user), wanted, timezone.localdate(clock.now()))


def rows_in(organisations: QuerySet[Organisation]) -> Iterator[list[Any]]:
    """The organisations as rows; only a chunk of them is in memory at a time."""
    found = organisations.select_related("category", "federation").order_by(*hsds.ORDER).iterator(chunk_size=CHUNK)
    while chunk := list(islice(found, CHUNK)):
        names = places.names({one.jurisdiction for one in chunk})
        for one in chunk:
            yield [
                one.name, one.tier, one.credit_code, one.filing_number, one.category.name, one.jurisdiction,
                one.members, _day(one.founded), one.kind, names.get(one.jurisdiction, ""), one.purpose, one.brand,
                one.federation.name if one.federation else "", _day(one.dissolved_on),
            ]  # fmt: skip


def _day(day: Any) -> str:
    return day.isoformat() if day else ""


@require_GET
@person_who(SEES)
def export_xlsx(request: StaffRequest) -> HttpResponseBase:
    """What the filter finds, written to a file of no name and sent from there."""
    found = _asked(request)
    if found.order_by()[: MOST_ROWS + 1].count() > MOST_ROWS:
        raise TooMany(
            "too_many_organisations", gettext_lazy("At most 20,000 organisations in a workbook; narrow the filter.")
        )
    file = write_workbook("organisations", (*COLUMNS, *MORE), rows_in(found), list(WIDTHS.values()))
    name = f"organisations-{timezone.localtime(clock.now()):%Y%m%d-%H%M}.xlsx"
    return FileResponse(file, as_attachment=True, filename=name, content_type=XLSX)


@require_GET
@person_who(SEES)
def export_hsds(request: StaffRequest) -> JsonResponse:
    """What the filter finds as HSDS, a page of it (?page=, ?per_page=)."""
    number, size = hsds.read_page(request.GET.get("page", ""), request.GET.get("per_page", ""))
    body = hsds.page_of(_asked(request), number=number, size=size, site=settings.DUBAN_SITE_URL)
    return JsonResponse(body, json_dumps_params={"ensure_ascii": False})


@require_GET
@person_who(EDITS)
def template_xlsx(request: StaffRequest) -> HttpResponse:
    """Headings with the words that an import understands, which drop down; a second sheet says what each holds."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "organisations"
    sheet.append(list(COLUMNS))
    for cell, letter in zip(sheet[1], "ABCDEFGHI", strict=True):
        cell.font = Font(bold=True)
        sheet.column_dimensions[letter].width = WIDTHS[cell.value]
        # What is typed stays text: a code keeps its digits, a day its form.
        sheet.column_dimensions[letter].number_format = "@"
    sheet.freeze_panes = "A2"
    words = book.create_sheet("words")
    names = list(OrganisationCategory.objects.order_by("local", "name").values_list("name", flat=True))
    for name in names:
        words.append([name])
    choices = {
        "B": f'"{",".join(Tier.values)}"',
        "E": f"words!$A$1:$A${max(len(names), 1)}",
        "I": f'"{",".join(OrganisationKind.values)}"',
    }
    for letter, formula in choices.items():
        choose = DataValidation("list", formula1=formula, allow_blank=True, showErrorMessage=letter != "E")
        choose.error = _("Choose from the list.")
        sheet.add_data_validation(choose)
        choose.add(f"{letter}2:{letter}20000")
    response = HttpResponse(content_type=XLSX)
    response.headers["Content-Disposition"] = 'attachment; filename="organisations.xlsx"'
    book.save(response)
    return response


urls = [
    path("organisations/export.xlsx", export_xlsx, name="organisations_xlsx"),
    path("organisations/hsds.json", export_hsds, name="organisations_hsds"),
    path("organisations/import/template.xlsx", template_xlsx, name="organisations_template"),
]
