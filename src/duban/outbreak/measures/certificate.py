"""The certificate of a release: a page to carry, and what anybody who scans it is told."""

import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import segno
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from duban.access.models import Person
from duban.core.errors import NotFound
from duban.engines.typeset import render_certificate
from duban.outbreak.care.reach import file_to
from duban.outbreak.casefiles.identity import facts_of, masked
from duban.outbreak.measures.release import RELEASES
from duban.outbreak.measures.words import is_chinese
from duban.outbreak.models import Ground, Measure, Release
from duban.outbreak.protection.visibility import open_file
from duban.places import queries as places

LONGEST_CODE = 64


@dataclass(frozen=True)
class Said:
    """What whoever scans a certificate learns: no more of the name than lists show."""

    number: str
    name: str
    office: str
    released_at: datetime
    revoked_at: datetime | None


def certificate_of(code: str) -> Said:
    """What is said of the certificate with this code; raises NotFound (`certificate_not_found`)."""
    found = None
    if code.isascii() and len(code) <= LONGEST_CODE:
        found = Release.objects.select_related("file").filter(code=code).first()
    if found is None:
        raise NotFound(
            "certificate_not_found",
            gettext_lazy("There is no such certificate; those of files that were deleted in time are gone too."),
        )
    return Said(
        number=found.number,
        name=masked(facts_of(found.file)).name,
        office=_office(found.file.office),
        released_at=found.at,
        revoked_at=found.revoked_at,
    )


@transaction.atomic
def print_certificate(*, by: Person, now: datetime, file_id: Any, language: str) -> bytes:
    """The certificate of the release that stands as PDF, in zh-hans or en. It bears the name, so it is a look.

    Raises NotFound (`file_not_found`, `certificate_not_found`), NotAllowed (`not_allowed`).
    """
    file = file_to(by, RELEASES, file_id)
    release = Release.objects.select_related("plan").filter(file=file, revoked_at__isnull=True).first()
    if release is None:
        raise NotFound("certificate_not_found", gettext_lazy("Nobody is released under this file."))
    with override(language):
        facts = open_file(
            by=by,
            now=now,
            file_id=file.pk,
            ground=Ground.ORDER,
            purpose=_("certificate of release"),
            fields=("name",),
        )
        page = _page(release, facts.name, facts.id_number)
    return render_certificate(page, qr=_qr(release), printed=release.at)


def certificate_url(release: Release) -> str:
    return f"{settings.DUBAN_SITE_URL}{reverse('certificate', args=[release.code])}"


def _qr(release: Release) -> bytes:
    file = io.BytesIO()
    code = segno.make(certificate_url(release), error="q", micro=False)
    code.save(file, kind="svg", border=2, scale=4, dark="#000", light="#fff", xmldecl=False)
    return file.getvalue()


def _office(code: str) -> str:
    return settings.DUBAN_OFFICE or places.names([code]).get(code, code)


def _page(release: Release, name: str, id_number: str) -> dict[str, Any]:
    lang = "zh" if is_chinese() else "en"
    pattern = "Y年n月j日" if is_chinese() else "j F Y"
    measures = [
        f"{Measure(phase['measure']).label} {_day(phase['first'])} – {_day(phase['last'])}"
        for phase in release.plan.phases
    ]
    facts = [(_("Name"), name), (_("ID number"), id_number), (_("Measure"), measures[0])]
    return {
        "lang": lang,
        "title": _("Certificate of release"),
        "number": release.number,
        "office": _office(release.file.office),
        "body": [
            _("The person named below was followed by this office and has met every condition of release."),
            _("From today on they are under no measure of this office."),
        ],
        "facts": [*[(label, value) for label, value in facts if value], *[("", one) for one in measures[1:]]],
        "sign": [_("Released by"), str(release.by.get("name") or release.by.get("username", ""))],
        "date": format_date(timezone.localtime(release.at), pattern),
        "scan": _("Scan: whether it still holds"),
    }


def _day(text: str) -> str:
    return text.replace("-", "/")
