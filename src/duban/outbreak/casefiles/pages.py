"""The list of files, a new one by form, and how far the opening of many is."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import refuse
from duban.ledger import jobs
from duban.outbreak.casefiles import amending_pages, file_pages, import_pages
from duban.outbreak.casefiles.actions import open_files
from duban.outbreak.casefiles.dossier import measure_word
from duban.outbreak.casefiles.forms import FileForm
from duban.outbreak.casefiles.listing import as_seen, listed, page_after, read_wanted
from duban.outbreak.casefiles.opening import OPENS
from duban.outbreak.casefiles.queries import SEES, files_for
from duban.outbreak.casefiles.tasks import CONTACTS, SCREENED
from duban.outbreak.models import FileState, Measure
from duban.places import queries as places


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_who(SEES)
def files(request: StaffRequest) -> HttpResponse:
    """The files that the reader may see, filtered by chips, or whoever was looked for. Names are masked."""
    person, wanted = request.user, read_wanted(request.GET, request.POST.get("q", ""))
    found, after = page_after(listed(person, wanted), request.GET.get("after", ""))
    names = places.names({file.town for file in found} | {file.stay for file in found} | {wanted.town})
    rows = [
        {
            "file": file,
            "facts": facts,
            "measure": measure_word(file),
            "town": names.get(file.town, file.town),
            "stay": names.get(file.stay, "") if file.stay != file.town else "",
        }
        for file, facts in as_seen(person, found)
    ]
    states = [("", _("all")), *FileState.choices]
    measures = [("", _("every measure")), *Measure.choices, ("none", _("none, with a reason"))]
    context = {
        "rows": rows,
        "wanted": wanted,
        "states": [(word, wanted.address(state=state), wanted.state == state) for state, word in states],
        "measures": [(word, wanted.address(measure=one), wanted.measure == one) for one, word in measures],
        "towns": [(unit.code, unit.name) for unit in places.counties_and_towns(rights.codes(person, SEES))],
        "waiting_url": wanted.address(waiting=not wanted.waiting),
        "older": f"{wanted.address()}&after={after}" if after and not wanted.q else "",
        "newer": wanted.address() if request.GET.get("after") else "",
        "may_open": bool(rights.codes(person, OPENS)),
        "is_whole": not (wanted.q or wanted.measure or wanted.town or wanted.waiting),
    }
    return render(request, "outbreak/casefiles/files.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_who(OPENS)
def new(request: StaffRequest) -> HttpResponse:
    """A file by form; of somebody who has one already the exposure goes there."""
    person, now, status = request.user, clock.now(), 200
    form = FileForm(person, request.POST if request.method == "POST" else None)
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                done = open_files(
                    by=person, now=now, office=form.office(person), drafts=[form.draft(person, now)], origin="form"
                )
                for refusal in done.refused.values():
                    raise refusal
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                file = done.files[0]
                if done.taken:
                    messages.success(request, _("The file is open."))
                else:
                    messages.info(request, _("This person has a file already; what was new was added there."))
                if files_for(person).filter(pk=file.pk).exists():
                    return redirect("outbreak:file", file.pk)
                return redirect("outbreak:files")
    return render(request, "outbreak/casefiles/new.html", {"form": form}, status=status)


# ---- many at once ---------------------------------------------------------------------------------------------------


@require_safe
@person_who(OPENS)
def opening(request: StaffRequest, opening_id: uuid.UUID) -> HttpResponse:
    """How far the opening of files is, and what came of it."""
    job = jobs.job_for(request.user, opening_id, SCREENED, CONTACTS)
    context = import_pages.running(job) | {"contacts": job.kind == CONTACTS}
    template = "outbreak/casefiles/parts/opening.html" if request.htmx else "outbreak/casefiles/opening.html"
    return render(request, template, context)


urls = [
    path("files/", files, name="files"),
    path("files/new/", new, name="file_new"),
    path("files/opening/<uuid:opening_id>/", opening, name="files_opening"),
    *import_pages.urls,
    *file_pages.urls,
    *amending_pages.urls,
]
