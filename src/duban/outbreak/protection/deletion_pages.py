"""Deletion by rule on pages: what would go today, the certificates of what went, and the rules."""

import uuid
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.translation import get_language, gettext_lazy, ngettext, pgettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import NotFound
from duban.engines.typeset import render_evaluation
from duban.outbreak.models import Deletion
from duban.outbreak.protection.daily import delete_later
from duban.outbreak.protection.deletion import RUNS, SEES, Certificate, certificates_for, run_deletion
from duban.outbreak.protection.due import Scope, waiting
from duban.outbreak.protection.rules import rules_on
from duban.places import queries as places

AT_ONCE = 2000
"""So many people's files are deleted while the browser waits."""
KINDS = {
    "people": gettext_lazy("people’s files"),
    "rows": gettext_lazy("rows that hung on them"),
    "found": gettext_lazy("people found by screenings"),
    "looks": gettext_lazy("looks"),
    "identities": gettext_lazy("identities nobody needs"),
    "presence_days": gettext_lazy("days of presences"),
    "jobs": gettext_lazy("lists that were sent"),
    "queue": gettext_lazy("finished work of the queue"),
}
RULES = {
    "file": gettext_lazy("a file, after release or closing"),
    "handover": gettext_lazy("a list that was sent, after it was read"),
    "screening": gettext_lazy("who was found, after the last order ended"),
    "look": gettext_lazy("a look"),
}
NOWHERE = pgettext_lazy("deletion", "of no office")


@require_safe
@person_who(SEES)
def deletions(request: StaffRequest) -> HttpResponse:
    """What would go as of yesterday's end, what is late, and the certificates."""
    person, now = request.user, clock.now()
    on = timezone.localtime(now).date() - timedelta(days=1)
    table, codes = rules_on(on), rights.codes(person, SEES)
    rows = waiting(table, Scope(tuple(codes)), now)
    certificates = certificates_for(person)
    names = places.names({row.place for row in rows})
    context = {
        "on": on,
        "rows": [(names.get(row.place, row.place), row) for row in rows],
        "due": sum(row.people + row.found + row.looks for row in rows),
        "late": sum(row.late for row in rows),
        "rules": [
            (RULES.get(row.key, row.key), row)
            for row in table.rows
            if any(code.startswith(row.office) or row.office.startswith(code) for code in codes)
        ],
        "certificates": certificates,
        "may_run": bool(rights.codes(person, RUNS)),
    }
    return render(request, "outbreak/protection/deletions.html", context)


@require_POST
@person_who(RUNS)
def run(request: StaffRequest) -> HttpResponse:
    """Delete at once; the worker does it where it is much."""
    person, now = request.user, clock.now()
    on = timezone.localtime(now).date() - timedelta(days=1)
    rows = waiting(rules_on(on), Scope(tuple(rights.codes(person, RUNS))), now)
    if sum(row.people for row in rows) > AT_ONCE:
        delete_later.enqueue(person.username, on.isoformat())
        messages.success(request, _("The worker deletes it; the certificate will stand here."))
        return redirect("outbreak:deletions")
    done = run_deletion(by=person, now=now, on=on)
    if not done.number:
        messages.info(request, _("Nothing was due."))
        return redirect("outbreak:deletions")
    said = ngettext("%(n)d file was deleted.", "%(n)d files were deleted.", done.people)
    messages.success(request, said % {"n": done.people})
    row = Deletion.objects.get(number=done.number)
    return redirect("outbreak:deletion", row.pk)


@require_safe
@person_who(SEES)
def deletion(request: StaffRequest, deletion_id: uuid.UUID) -> HttpResponse:
    """One certificate, for the screen and the printer."""
    found = _certificate(request, deletion_id)
    context = {"row": found.row, "intact": found.intact, "lines": _lines(found), "rules": _rules(found.row)}
    return render(request, "outbreak/protection/deletion.html", context)


@require_safe
@person_who(SEES)
def deletion_pdf(request: StaffRequest, deletion_id: uuid.UUID) -> HttpResponse:
    """The same as PDF."""
    found = _certificate(request, deletion_id)
    response = HttpResponse(certificate_pdf(found), content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{found.row.number}.pdf"'
    return response


def _certificate(request: StaffRequest, deletion_id: uuid.UUID) -> Certificate:
    for found in certificates_for(request.user, deletion_id):
        return found
    raise NotFound("deletion_not_found", _("There is no such certificate, or it tells of another office."))


def _lines(found: Certificate) -> list[tuple[str, str, int]]:
    """(place, kind, number) in the order of places."""
    names = places.names(set(found.counts))
    return [
        (names.get(place, place) if place else str(NOWHERE), str(KINDS.get(kind, kind)), number)
        for place, kinds in sorted(found.counts.items())
        for kind, number in kinds.items()
    ]


def _rules(row: Deletion) -> list[dict[str, Any]]:
    return [{**rule, "words": str(RULES.get(rule["key"], rule["key"]))} for rule in row.rules]


def certificate_pdf(found: Certificate) -> bytes:
    """The certificate as a printed page; the same certificate gives the same bytes."""
    row, chinese = found.row, (get_language() or "zh").startswith("zh")
    day = format_date(row.on, "Y年n月j日" if chinese else "j F Y")
    made = timezone.localtime(row.at)
    heading = [
        _("Certificate %(number)s: as of the end of %(day)s this was deleted by rule and stands nowhere any more.")
        % {"number": row.number, "day": day},
        _("Done on %(at)s by %(who)s.") % {"at": made.strftime("%Y-%m-%d %H:%M"), "who": row.by.get("name", "")},
        f"SHA-256 {row.digest}",
    ]
    table = {
        "title": _("What was deleted"),
        "first": [_("Town or office"), _("Kind")],
        "columns": [_("How many")],
        "rows": [{"words": [place, kind], "cells": [[f"{number:,}", ""]]} for place, kind, number in _lines(found)],
        "total": False,
    }
    return render_evaluation(
        {
            "lang": "zh" if chinese else "en",
            "title": _("Certificate of deletion"),
            "heading": heading,
            "tables": [table],
            "definitions_title": _("Rules that applied"),
            "definitions": [
                [rule["words"], ngettext("%(n)d day", "%(n)d days", rule["days"]) % {"n": rule["days"]}]
                for rule in _rules(row)
            ],
            "notes_title": _("Notes"),
            "notes": [
                _("It holds numbers alone. Copies of the database made before the day still hold what was deleted.")
            ],
            "page": _("page {page} of {pages}"),
        },
        printed=row.at,
    )


urls = [
    path("deletions/", deletions, name="deletions"),
    path("deletions/run/", run, name="deletion_run"),
    path("deletions/<uuid:deletion_id>/", deletion, name="deletion"),
    path("deletions/<uuid:deletion_id>/certificate.pdf", deletion_pdf, name="deletion_pdf"),
]
