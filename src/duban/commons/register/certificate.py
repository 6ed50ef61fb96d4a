"""The certificate of filing: a page to print, whose code leads to a page that says whether the filing still stands."""

import io
from datetime import date, datetime
from typing import Any

import segno
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.translation import get_language, gettext_lazy, override, pgettext
from django.utils.translation import gettext as _

from duban.access.models import Person
from duban.commons.models import ChangeOf, Organisation, Tier
from duban.commons.register.queries import organisation_for
from duban.core import audit
from duban.core.errors import Conflict
from duban.engines.typeset import render_certificate
from duban.places import queries as places


def print_certificate(*, by: Person, now: datetime, organisation_id: Any, language: str) -> bytes:
    """The certificate as PDF, in zh-hans or en. Raises NotFound, Conflict (`not_filed`, `organisation_dissolved`)."""
    one = organisation_for(by, organisation_id)
    require_filed(one)
    audit.record(by=by, now=now, action="print_certificate", subject_type="organisation", subject_id=one.pk, detail={})
    return certificate_pdf(one, now=now, language=language)


def require_filed(one: Organisation) -> None:
    """Raises Conflict (`not_filed`, `organisation_dissolved`)."""
    if one.tier != Tier.FILED or not one.filing_number:
        raise Conflict(
            "not_filed", gettext_lazy("Only an organisation that is filed under a number has a certificate.")
        )
    if one.dissolved_on is not None:
        raise Conflict("organisation_dissolved", gettext_lazy("This organisation was dissolved; revive it first."))


def certificate_pdf(one: Organisation, *, now: datetime, language: str) -> bytes:
    """The page of an organisation that is filed."""
    with override(language):
        return render_certificate(_page(one, now), qr=qr_of(certificate_url(one)), printed=now)


def certificate_url(one: Organisation) -> str:
    return f"{settings.DUBAN_SITE_URL}{reverse('neighbours:certificate', args=[one.token])}"


def filed_on(one: Organisation) -> date | None:
    """The day it was filed: the last change of its tier to filed; of what was imported it is not known."""
    last = one.life.filter(what=ChangeOf.TIER, after=Tier.FILED).order_by("pk").last()
    return last.on if last else None


def qr_of(address: str) -> bytes:
    """The address as a QR code (SVG)."""
    file = io.BytesIO()
    code = segno.make(address, error="q", micro=False)
    code.save(file, kind="svg", border=2, scale=4, dark="#000", light="#fff", xmldecl=False, omitsize=True)
    return file.getvalue()


def _page(one: Organisation, now: datetime) -> dict[str, Any]:
    chinese = (get_language() or "zh").startswith("zh")
    names = places.names([one.town, one.jurisdiction])
    office = names.get(one.town, one.town)
    facts = [
        (_("Organisation"), one.name),
        (_("Filing number"), one.filing_number),
        (pgettext("of an organisation", "Kind"), str(one.get_kind_display())),
        (_("Category"), one.category.name if chinese else one.category.name_en or one.category.name),
        (_("Based at"), names.get(one.jurisdiction, one.jurisdiction)),
        (_("Founded"), format_date(one.founded, _pattern(chinese)) if one.founded else ""),
    ]
    return {
        "lang": "zh" if chinese else "en",
        "title": _("Certificate of filing"),
        "number": one.filing_number,
        "office": office,
        "body": [_("The community organisation named below is filed with this office.")],
        "facts": [(label, value) for label, value in facts if value],
        # Where the office puts its seal.
        "sign": [_("(seal)"), ""],
        "date": format_date(filed_on(one) or timezone.localdate(now), _pattern(chinese)),
        "scan": _("Scan: whether it still stands"),
    }


def _pattern(chinese: bool) -> str:
    return "Y年n月j日" if chinese else "j F Y"
