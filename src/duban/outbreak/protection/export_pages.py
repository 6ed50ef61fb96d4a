"""Taking figures away for statistics: ground and purpose first, then a file that tells of nobody."""

from datetime import timedelta

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods

from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, refuse
from duban.outbreak.counts import FEW
from duban.outbreak.protection.statistics import COLUMNS, EXPORTS, export_statistics
from duban.outbreak.screening_pages import GroundForm

TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


class ExportForm(GroundForm):
    """Which files, in which form, on what ground and to what end."""

    first = forms.DateField(
        label=gettext_lazy("Files opened from"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    last = forms.DateField(
        label=gettext_lazy("until the end of"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    form = NeededField(
        label=pgettext_lazy("of a file", "Form"), widget=forms.Select(choices=[("csv", "CSV"), ("parquet", "Parquet")])
    )


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(EXPORTS)
def export(request: StaffRequest) -> HttpResponse:
    """The form; sent, the file."""
    today = timezone.localtime(clock.now()).date()
    form, status = ExportForm(initial={"first": today - timedelta(days=28), "last": today, "form": "csv"}), 200
    if request.method == "POST":
        form, status = ExportForm(request.POST), 400
        if form.is_valid():
            try:
                return _file(request, form)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
    context = {"form": form, "few": FEW, "columns": COLUMNS}
    return render(request, "outbreak/protection/export.html", context, status=status)


def _file(request: StaffRequest, form: ExportForm) -> HttpResponse:
    asked = form.cleaned_data
    made = export_statistics(by=request.user, now=clock.now(), **asked)
    name = f"statistics-{asked['first']}-{asked['last']}.{asked['form']}"
    response = HttpResponse(made.data, content_type=TYPES[asked["form"]])
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


urls = [path("files/export/", export, name="file_export")]
