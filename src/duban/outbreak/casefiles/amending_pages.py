"""What is added to a file by form, and what is put right in it: one more exposure, and who the person is."""

import uuid
from dataclasses import asdict

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import refuse
from duban.outbreak.casefiles.actions import EDITS, add_exposure, changeable_file, correct_facts, own_file, version_of
from duban.outbreak.casefiles.forms import ExposureForm, FactsForm
from duban.outbreak.casefiles.identity import facts_of
from duban.outbreak.casefiles.queries import file_for
from duban.outbreak.protection.visibility import FACTS, looked_recently


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_who(EDITS)
def expose(request: StaffRequest, file_id: uuid.UUID) -> HttpResponse:
    """One more reason to follow the person, under an order of their office or as it decides."""
    person, now, status = request.user, clock.now(), 200
    file = own_file(person, file_id)
    form = ExposureForm(person, request.POST if request.method == "POST" else None, office=file.office)
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                add_exposure(by=person, now=now, file_id=file.pk, exposure=form.exposure(now))
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("The exposure is added; the plan was worked out anew."))
                return redirect("outbreak:file", file.pk)
    return render(request, "outbreak/casefiles/expose.html", {"form": form, "file": file}, status=status)


class CorrectionForm(FactsForm):
    """The facts, and which of their versions they were typed upon."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_who(EDITS)
def correct(request: StaffRequest, file_id: uuid.UUID) -> HttpResponse:
    """Who the person is, put right by an officer who has opened all of it within the hour."""
    person, now, status = request.user, clock.now(), 200
    file = changeable_file(person, file_for(person, file_id).pk)
    if not looked_recently(person, file, now).issuperset(FACTS):
        messages.info(request, _("Open who it is first; what was opened more than an hour ago is closed again."))
        return redirect("outbreak:file", file.pk)
    if request.method != "POST":
        form = CorrectionForm(initial=asdict(facts_of(file)) | {"seen": version_of(file)})
    else:
        form, status = CorrectionForm(request.POST), 400
        if form.is_valid():
            try:
                correct_facts(by=person, now=now, file_id=file.pk, facts=form.facts(), seen=form.cleaned_data["seen"])
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("Put right; the person is found by this from now on."))
                return redirect("outbreak:file", file.pk)
    return render(request, "outbreak/casefiles/correct.html", {"form": form, "file": file}, status=status)


urls = [
    path("files/<uuid:file_id>/expose/", expose, name="file_expose"),
    path("files/<uuid:file_id>/correct/", correct, name="file_correct"),
]
