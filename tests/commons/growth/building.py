"""Organisations for the tests of growth, each with a name of its own."""

from datetime import date
from typing import Any

from duban.commons.models import Organisation, OrganisationCategory
from duban.commons.register.drafts import OrganisationDraft, checked
from duban.demo.builders import NOON

COMMUNITY = "110112004001"


def make_organisation(name: str = "夕阳红合唱队", code: str = COMMUNITY, **facts: Any) -> Organisation:
    """Put onto the register as it is; `facts` are columns."""
    said = {"tier": "guided", "kind": "team", "category": "culture"} | {
        key: facts.pop(key) for key in ("tier", "kind", "category", "credit_code", "filing_number") if key in facts
    }
    category = OrganisationCategory.objects.get(pk=said["category"])
    one = checked(OrganisationDraft(name=name, jurisdiction=code, **said), category, date(2021, 1, 18))
    for column, value in facts.items():
        setattr(one, column, value)
    one.added_at = NOON
    one.save()
    return one
