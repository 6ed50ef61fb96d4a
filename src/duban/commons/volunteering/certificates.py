"""The certificate of somebody's hours: a page to carry, and what whoever scans it is told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override, pgettext

from duban.access import rights
from duban.access.models import Person
from duban.commons.contact import open_contact
from duban.commons.models import Record
from duban.commons.volunteering import queries
from duban.commons.volunteering.qr import qr_file
from duban.commons.volunteering.words import clock_words, is_chinese, length_words, long_day
from duban.core import audit
from duban.core.errors import Conflict
from duban.engines.typeset import render_certificate


@dataclass(frozen=True)
class Said:
    """What whoever scans a certificate learns: no more of the name than lists show."""

    number: str
    name: str
    hours: str
    service: str
    training: str
    commendation: str
    evaluation: str
    organiser: str
    on: str
    at: str
    revoked_at: datetime | None


def said_of(code: str) -> Said:
    """What is said of the certificate with this code; raises NotFound (`certificate_not_found`)."""
    record = queries.record_of_code(code)
    sign_up = record.sign_up
    return Said(
        number=record.number,
        name=open_contact(sign_up.sealed).masked.name if sign_up.sealed else "",
        hours=length_words(record.minutes),
        service=record.service,
        training=record.training,
        commendation=record.commendation,
        evaluation=record.evaluation,
        organiser=sign_up.shift.activity.organiser,
        on=long_day(sign_up.shift.begins_at),
        at=long_day(record.at),
        revoked_at=record.revoked_at,
    )


def certificate_pdf(record: Record, language: str) -> bytes:
    """The certificate as PDF with the whole name, in zh-hans or en.

    Only for the volunteer's own page, or after `print_certificate`. Raises Conflict (`certificate_gone`).
    """
    if record.revoked_at is not None or record.sign_up.sealed is None:
        raise Conflict("certificate_gone", gettext_lazy("This certificate was taken back, or its name deleted."))
    with override(language):
        page = _page(record)
    return render_certificate(page, qr=qr_file(certificate_url(record)), printed=record.at)


@transaction.atomic
def print_certificate(*, by: Person, now: datetime, record: Record, language: str) -> bytes:
    """The same for the organiser; it bears the name, so the look is on the record. Raises NotAllowed."""
    rights.require(by, "activity.manage", record.sign_up.shift.jurisdiction)
    audit.record(by=by, now=now, action="print_certificate", subject_type="record", subject_id=record.pk)
    return certificate_pdf(record, language)


def certificate_url(record: Record) -> str:
    return f"{settings.DUBAN_SITE_URL}{reverse('neighbours:volunteer_certificate', args=[record.code])}"


def _page(record: Record) -> dict[str, Any]:
    sign_up = record.sign_up
    shift, activity = sign_up.shift, sign_up.shift.activity
    facts = [
        (_("Name"), open_contact(sign_up.sealed or b"").name),
        (_("Activity"), activity.title),
        (_("When"), f"{long_day(shift.begins_at)}  {clock_words(shift)}"),
        (pgettext("meeting point", "Where"), activity.place),
        (_("Service"), record.service),
        (_("Time given"), length_words(record.minutes)),
        (_("Training"), record.training),
        (_("Commendation"), record.commendation),
        (pgettext("of a volunteer", "Evaluation"), record.evaluation),
    ]
    return {
        "lang": "zh" if is_chinese() else "en",
        "title": _("Certificate of volunteer service"),
        "number": record.number,
        "office": activity.organiser,
        "body": [_("The organiser certifies that the person named below helped as a volunteer.")],
        "facts": [(label, value) for label, value in facts if value],
        "sign": [_("Certified by"), str(record.by.get("name") or record.by.get("username", ""))],
        "date": long_day(record.at),
        "scan": _("Scan: whether it stands"),
    }
