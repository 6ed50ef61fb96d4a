"""The list of files, a new one by form, and how far the opening of many is."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, refuse
from duban.ledger import jobs
from duban.outbreak.casefiles import file_pages, import_pages
from duban.outbreak.casefiles.actions import open_files
from duban.outbreak.casefiles.arrivals import code_of_stay, moment_of
from duban.outbreak.casefiles.dossier import measure_word
from duban.outbreak.casefiles.handover import orders_to_hand_over
from duban.outbreak.casefiles.identity import Facts, normal_document
from duban.outbreak.casefiles.listing import as_seen, listed, page_after, read_wanted
from duban.outbreak.casefiles.matching import BadFile
from duban.outbreak.casefiles.opening import COUNTY, OPENS, TOWN, ExposureDraft, FileDraft
from duban.outbreak.casefiles.queries import SEES, files_for
from duban.outbreak.casefiles.tasks import CONTACTS, SCREENED
from duban.outbreak.models import ExposureKind, FileState, Measure
from duban.outbreak.people import normal_id_number, normal_phone
from duban.places import queries as places
from duban.places.codes import covers


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


# ---- by form --------------------------------------------------------------------------------------------------------


class FileForm(forms.Form):
    """Who it is, where they stay, and why they are to be followed."""

    use_required_attribute = False

    name = NeededField(label=gettext_lazy("Name"), widget=forms.TextInput(attrs={"autocomplete": "off"}))
    id_number = forms.CharField(
        required=False,
        label=gettext_lazy("ID number or passport"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    phone = forms.CharField(
        required=False, label=gettext_lazy("Phone"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    birth_date = forms.CharField(
        required=False,
        label=gettext_lazy("Date of birth"),
        help_text=gettext_lazy("Needed only where there is no ID number."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "1980-01-31"}),
    )
    stay = NeededField(
        label=gettext_lazy("Town or community"),
        help_text=gettext_lazy("Its code or its name, as fine as known."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    stay_address = forms.CharField(
        required=False, label=gettext_lazy("Address"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    from_place = forms.CharField(
        required=False, label=gettext_lazy("Came from"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    basis = NeededField(label=gettext_lazy("Why"), widget=forms.Select)
    measure = forms.CharField(
        required=False,
        label=gettext_lazy("Measure"),
        help_text=gettext_lazy("An order brings its own; choose one where the office decides."),
        widget=forms.Select(choices=[("", "–"), *Measure.choices]),
    )
    last = NeededField(
        label=gettext_lazy("Last there, or last exposed"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "2021-01-18"}),
    )
    arrived_at = forms.CharField(
        required=False,
        label=gettext_lazy("Arrived here"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "2021-01-18 09:30"}),
    )

    def __init__(self, person: Person, data: Any = None):
        super().__init__(data)
        self.orders = {one.number: one for one in orders_to_hand_over(person)}
        choices = [("", "–"), *((number, f"{number} {one.name}") for number, one in self.orders.items())]
        self.fields["basis"].widget.choices = [*choices, ("form", _("as the office decides"))]

    def office(self, person: Person) -> str:
        """Of the order; without one, of the person's widest role."""
        order = self.orders.get(self.cleaned_data["basis"])
        return order.area.jurisdiction[:COUNTY] if order else min(rights.codes(person, OPENS), key=len)[:COUNTY]

    def draft(self, person: Person, now: datetime) -> FileDraft:
        """The person and the exposure; raises BadFile (`bad_...` at the field)."""
        told = self.cleaned_data
        number, birth = told["id_number"].strip(), told["birth_date"].strip()
        if not told["name"].strip():
            raise BadFile("name_missing", _("The name is missing."), field="name")
        if number and not (normal_id_number(number) or normal_document(number)):
            raise BadFile(
                "bad_id_number",
                _("This is no ID number: its length, its date or its check digit is wrong."),
                field="id_number",
            )
        if told["phone"].strip() and not normal_phone(told["phone"].strip()):
            raise BadFile("bad_phone", _("This is no telephone’s number."), field="phone")
        born = moment_of(birth) if birth else None
        if birth and born is None:
            raise BadFile("bad_date", _("This is no date; write 1980-01-31."), field="birth_date")
        facts = Facts(
            name=told["name"].strip(),
            id_number=number,
            phone=told["phone"].strip(),
            birth_date=timezone.localtime(born).date().isoformat() if born else "",
            stay_address=told["stay_address"].strip()[:150],
            from_place=told["from_place"].strip()[:100],
        )
        stay = self._stay(person)
        return FileDraft(facts, stay, stay[:TOWN], (self._exposure(now),))

    def _stay(self, person: Person) -> str:
        text, office = self.cleaned_data["stay"].strip(), self.office(person)
        code = code_of_stay(text)
        if text and not code:
            raise BadFile("unknown_place", _("No unit of the code list is called that; give its code."), field="stay")
        if code and not code.startswith(office):
            raise BadFile(
                "stay_elsewhere", _("That lies in another district; hand the person over there."), field="stay"
            )
        codes = rights.codes(person, OPENS)
        if code:
            return code
        return office if covers(codes, office) else min(codes, key=len)

    def _exposure(self, now: datetime) -> ExposureDraft:
        told = self.cleaned_data
        last = self._moment("last")
        arrived = self._moment("arrived_at")
        order = self.orders.get(told["basis"])
        if order is None and told["basis"] != "form":
            raise BadFile("reason_missing", _("Say why the person is followed."), field="basis")
        if last is None:
            raise BadFile(
                "left_missing", _("Say when the person was last there: all is counted from it."), field="last"
            )
        if last > now + timedelta(hours=1):
            raise BadFile("in_the_future", _("The time lies in the future."), field="last")
        if order is not None:
            return ExposureDraft(ExposureKind.AREA, order.number, order.measure, order.name[:200], last, last, arrived)
        if told["measure"] not in Measure.values:
            raise BadFile("measure_missing", _("Choose the measure."), field="measure")
        basis = f"form:{timezone.localtime(last).date().isoformat()}"
        return ExposureDraft(ExposureKind.FORM, basis, told["measure"], "", last, last, arrived)

    def _moment(self, name: str) -> datetime | None:
        text = self.cleaned_data[name].strip()
        moment = moment_of(text) if text else None
        if text and moment is None:
            raise BadFile("bad_date", _("This is no date and time; write 2021-01-18 09:30."), field=name)
        return moment


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
]
