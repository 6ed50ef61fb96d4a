"""Organisations and applications that tests of commons build on, made with the actions themselves."""

import uuid
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest

from duban.access.models import Person
from duban.commons.models import Application, Organisation
from duban.commons.register.actions import record_organisation
from duban.commons.register.drafts import OrganisationDraft
from duban.commons.register.filing import ApplicationDraft, apply_to_file
from duban.core.errors import DubanError
from duban.demo.builders import NOON
from duban.places.models import Jurisdiction

AT = "110112004004"
PDF = b"%PDF-1.4\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0photo of a paper"
TEN = "\n".join(f"居民{n}，1380000{n:04d}，{'会长' if n == 1 else '会员'}" for n in range(1, 11))
KNOWN = {
    "110112": ("通州区", "county"),
    "110112004": ("玉桥街道", "street"),
    AT: ("玉桥北里社区", "community"),
    "110112004006": ("玉桥南里社区", "community"),
    "110112005": ("潞源街道", "street"),
}


def refused(work: Callable[[], object]) -> str:
    """The code of the refusal that the work meets with."""
    with pytest.raises(DubanError) as refusal:
        work()
    return refusal.value.code


def list_places(*codes: str) -> None:
    """Have the codes on the list of places, with what is above them."""
    for code in codes or tuple(KNOWN):
        for at in dict.fromkeys((code[:6], code[:9], code)):
            name, kind = KNOWN.get(at, (f"{at} 处", {6: "county", 9: "town"}.get(len(at), "village")))
            facts: dict[str, Any] = {"name": name, "kind": kind, "parent_code": at[:-3] if len(at) > 6 else ""}
            Jurisdiction.objects.get_or_create(code=at, defaults=facts | {"search": name, "loaded_at": NOON})


def draft(name: str = "玉桥小红帽服务队", **changes: Any) -> OrganisationDraft:
    facts: dict[str, Any] = {
        "name": name, "tier": "filed", "category": "affairs", "jurisdiction": AT, "kind": "team", "members": "32",
        "founded": date(2014, 5, 1),
    }  # fmt: skip
    return OrganisationDraft(**facts | changes)


def make_organisation(
    by: Person, name: str = "玉桥小红帽服务队", at: str = AT, now: datetime = NOON, **changes: Any
) -> Organisation:
    return record_organisation(by=by, now=now, draft=draft(name, jurisdiction=at, **changes))


def application(name: str = "夕阳红合唱队", at: str = AT, **changes: Any) -> ApplicationDraft:
    facts: dict[str, Any] = {
        "name": name, "kind": "club", "category": "culture", "jurisdiction": at, "about": "周二唱歌", "roster": TEN,
        "applicant": "王阿姨", "phone": "13911112222", "founded": date(2019, 3, 1),
    }  # fmt: skip
    return ApplicationDraft(**facts | changes)


def make_application(
    name: str = "夕阳红合唱队", at: str = AT, now: datetime = NOON, charter: bytes = b"", **changes: Any
) -> tuple[Application, str]:
    list_places(at)
    asked = application(name, at, charter=charter, charter_name="章程.pdf" if charter else "", **changes)
    return apply_to_file(now=now, draft=asked, form_id=uuid.uuid5(uuid.NAMESPACE_URL, f"{at}:{name}"))
