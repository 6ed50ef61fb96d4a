"""API v1, organisations: the register read, with the filters of its page and nobody's name in it."""

import uuid
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from pydantic import Field

from duban.access import rights
from duban.access.requests import StaffRequest
from duban.commons.models import Organisation
from duban.commons.register import filters, queries
from duban.commons.register.paging import page_of
from duban.commons.register.queries import SEES
from duban.core import clock
from duban.core.errors import NotAllowed
from duban.places import queries as places

router = Router(tags=["organisations"])
PAGE, LARGEST = 50, 200


class OrganisationOut(Schema):
    id: uuid.UUID
    name: str
    brand: str = Field(description="the name it is known by; may be empty")
    tier: str = Field(description="registered, filed or guided")
    kind: str = Field(description="club, studio, team, federation or other")
    purpose: str = Field(description="leisure, service or self_governance")
    stage: str = Field(description="of incubation; empty: not admitted")
    credit_code: str
    filing_number: str
    category: str = Field(description="key of the category")
    category_name: str
    jurisdiction: str
    jurisdiction_name: str = Field(description="empty where the code is not listed")
    members: int
    founded: date | None
    about: str
    federation: uuid.UUID | None
    added_at: datetime
    dissolved_on: date | None
    checked_year: int = Field(description="the latest year with an annual check, else 0")


class OrganisationsOut(Schema):
    organisations: list[OrganisationOut]
    later: str = Field(description="cursor of the next page, empty at the end")
    earlier: str


class OrganisationQuery(Schema):
    text: str = Field("", description="words of the name, its pinyin or initials, or its numbers")
    area: str = Field("", description="administrative code")
    tier: str = ""
    category: str = Field("", description="key of a category")
    kind: str = ""
    purpose: str = ""
    stage: str = ""
    age: str = Field("", description="completed years as a range: 5-9, 10-, or unknown")
    members: str = Field("", description="a range: 10-29, 100-")
    founded: str = Field("", description="years as a range: 2014, -2014")
    slots: str = Field("", description="empty: one of the five parties is missing")
    turned: str = Field("", description="1: its purpose changed")
    check: str = Field("", description="missing: no annual check this year")
    federation: str = Field("", description="id of the federation it belongs to")
    dissolved: str = Field("", description="1: those that are dissolved, and no others")
    sort: str = Field("", description="members, -members, founded or -founded; left out: by town and name")


def _told(organisations: Iterable[Organisation]) -> list[dict[str, Any]]:
    rows = list(organisations)
    names = places.names({one.jurisdiction for one in rows})
    columns = [name for name in OrganisationOut.model_fields if hasattr(Organisation, name) and name != "federation"]
    return [
        {name: getattr(one, name) for name in columns}
        | {
            "category": one.category_id,
            "category_name": one.category.name,
            "jurisdiction_name": names.get(one.jurisdiction, ""),
            "federation": one.federation_id,
        }
        for one in rows
    ]


@router.get("/", response=OrganisationsOut, summary="Organisations in your area, by page")
def list_organisations(
    request: StaffRequest,
    asked: Query[OrganisationQuery],
    cursor: str = "",
    size: int = Query(PAGE, ge=1, le=LARGEST),
) -> dict[str, Any]:
    """`later` and `earlier` are cursors of the pages beside; a cursor belongs to the sort that it came with."""
    if not rights.codes(request.user, SEES):
        raise NotAllowed("not_allowed", _("None of your roles opens this."))
    wanted = filters.read_filters(request.GET, queries.category_names())
    found = filters.matching(queries.visible_to(request.user), wanted, timezone.localdate(clock.now()))
    page = page_of(found, wanted.sort, cursor, size)
    return {"organisations": _told(page.organisations), "later": page.later, "earlier": page.earlier}


@router.get("/{organisation_id}", response=OrganisationOut, summary="One organisation")
def get_organisation(request: StaffRequest, organisation_id: uuid.UUID) -> dict[str, Any]:
    return _told([queries.organisation_for(request.user, organisation_id)])[0]
