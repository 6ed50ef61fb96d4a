"""Sampling points: where they are, who comes when, the list to print, labels, and how long results take."""

import uuid
from datetime import timedelta
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, NumberField, refuse
from duban.outbreak.models import Measure, SamplingPoint
from duban.outbreak.samples import actions
from duban.outbreak.samples.appointments import COME, appointments_at
from duban.outbreak.samples.labels import A_SHEET, labels_pdf, qr_svg
from duban.outbreak.samples.pages import read_day, show_people, show_tubes, towns_of
from duban.outbreak.samples.points import PointDraft, hours_of
from duban.outbreak.samples.queries import MANAGES, TAKES, point_for, points_for, tubes_for
from duban.outbreak.samples.turnaround import counts_of, day_range, figures_of, overdue, spans_of
from duban.places import queries as places
from duban.places.codes import covers

LISTED = 2000
"""People on the list of one day at one point."""
TUBES = 200
DAYS = 7
MOST_DAYS = 92


class PointForm(forms.Form):
    """A sampling point."""

    use_required_attribute = False

    name = NeededField(label=pgettext_lazy("sampling point", "Name"))
    town = forms.ChoiceField(label=gettext_lazy("Town"))
    address = forms.CharField(label=gettext_lazy("Address"), required=False)
    opens = forms.TimeField(
        label=pgettext_lazy("sampling point", "Opens"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    closes = forms.TimeField(
        label=pgettext_lazy("sampling point", "Closes"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    per_hour = NumberField(label=gettext_lazy("People an hour"))
    result_hours = NumberField(
        label=gettext_lazy("Results are due within (hours)"),
        help_text=gettext_lazy("counted from the first swab; later a tube is shown as overdue"),
    )

    def __init__(self, *args: Any, towns: list[tuple[str, str]], **options: Any):
        super().__init__(*args, **options)
        self.fields["town"].choices = towns  # type: ignore[attr-defined]

    def draft(self) -> PointDraft:
        asked = self.cleaned_data
        return PointDraft(**asked | {name: int(asked[name]) for name in ("per_hour", "result_hours")})


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(TAKES)
def points_page(request: StaffRequest) -> HttpResponse:
    """All points of the person's towns; who manages samples sets new ones up."""
    now, person = clock.now(), request.user
    towns = towns_of(person, MANAGES)
    start = {"opens": "08:00", "closes": "18:00", "per_hour": 60, "result_hours": 24}
    form, status = PointForm(initial=start, towns=towns), 200
    if request.method == "POST":
        rights_needed(request)
        form, status = PointForm(request.POST, towns=towns), 400
        if form.is_valid():
            try:
                return redirect("outbreak:point", actions.save_point(by=person, now=now, draft=form.draft()).pk)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
    points = list(points_for(person))
    names = places.names({point.town for point in points})
    context = {
        "points": [(point, names.get(point.town, point.town)) for point in points],
        "today": timezone.localtime(now).date(),
        "form": form,
        "manages": bool(towns),
    }
    return render(request, "outbreak/samples/points.html", context, status=status)


def rights_needed(request: StaffRequest) -> None:
    """Who takes samples sees these pages; what they change is for who manages them."""
    if not rights.codes(request.user, MANAGES):
        rights.require(request.user, MANAGES, "")


@require_safe
@person_who(TAKES)
def point_page(request: StaffRequest, point_id: uuid.UUID) -> HttpResponse:
    """One point on one day: who comes in which hour, as a list to print, and the tubes with their results."""
    return _point_page(request, point_for(request.user, point_id))


def _point_page(
    request: StaffRequest, point: SamplingPoint, *, form: PointForm | None = None, status: int = 200
) -> HttpResponse:
    now, person = clock.now(), request.user
    on = read_day(request.GET.get("on", ""), now)
    rows = list(appointments_at(point, on)[:LISTED])
    people = show_people(person, [row.file for row in rows], now)
    pairs = [(row, one, qr_svg(row.file.number)) for row, one in zip(rows, people, strict=True)]
    by_hour = {at: list(of) for at, of in groupby(pairs, key=lambda pair: pair[0].at)}
    start, end = day_range(on, on)
    tubes = tubes_for(person).filter(point=point, opened_at__gte=start, opened_at__lt=end)
    shown = list(tubes.select_related("point")[:TUBES])
    late = set(overdue(tubes, now).values_list("pk", flat=True))
    manages = covers(rights.codes(person, MANAGES), point.town)
    names = places.names([point.town])
    context = {
        "point": point,
        "town": names.get(point.town, point.town),
        "on": on,
        "before": on - timedelta(days=1),
        "after": on + timedelta(days=1),
        "hours": [(at, by_hour.get(at, [])) for at in sorted({*by_hour, *hours_of(point, on)})],
        "booked": len(rows),
        "came": sum(row.kept_at is not None for row in rows),
        "counts": counts_of(tubes),
        "tubes": show_tubes(shown, late),
        "manages": manages,
        "form": form or _edit_form(request, point) if manages else None,
    }
    return render(request, "outbreak/samples/point.html", context, status=status)


def _edit_form(request: StaffRequest, point: SamplingPoint) -> PointForm:
    names = ("name", "town", "address", "opens", "closes", "per_hour", "result_hours")
    values = {name: getattr(point, name) for name in names}
    return PointForm(initial=values, towns=towns_of(request.user, MANAGES))


@require_POST
@person_who(MANAGES)
def change_point(request: StaffRequest, point_id: uuid.UUID) -> HttpResponse:
    point = point_for(request.user, point_id)
    form, status = PointForm(request.POST, towns=towns_of(request.user, MANAGES)), 400
    if form.is_valid():
        try:
            actions.save_point(by=request.user, now=clock.now(), draft=form.draft(), point_id=point.pk)
            return redirect("outbreak:point", point.pk)
        except DubanError as refusal:
            refuse(form, refusal)
            status = refusal.status
    return _point_page(request, point_for(request.user, point_id), form=form, status=status)


@require_POST
@person_who(MANAGES)
def close_point(request: StaffRequest, point_id: uuid.UUID) -> HttpResponse:
    point = actions.close_point(by=request.user, now=clock.now(), point_id=point_id)
    messages.success(request, _("%(point)s is closed from today on.") % {"point": point.name})
    return redirect("outbreak:points")


# ---- appointments ---------------------------------------------------------------------------------------------------


class BookForm(forms.Form):
    """Appointments for everybody of a town whose test is due."""

    use_required_attribute = False

    town = forms.ChoiceField(label=gettext_lazy("Town"))
    on = forms.DateField(label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    measures = forms.MultipleChoiceField(
        label=gettext_lazy("Who comes to a point"),
        help_text=gettext_lazy("Who is isolated, or is sampled again after a pool, is sampled where they are."),
        choices=[(one.value, one.label) for one in (Measure.TEST, Measure.MONITOR, Measure.HOME)],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    def __init__(self, *args: Any, towns: list[tuple[str, str]], **options: Any):
        super().__init__(*args, **options)
        self.fields["town"].choices = towns  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MANAGES)
def book_page(request: StaffRequest) -> HttpResponse:
    """Give hours to all whose test is due."""
    now, towns = clock.now(), towns_of(request.user, MANAGES)
    start = {"on": timezone.localtime(now).date(), "measures": list(COME), "town": request.GET.get("town", "")}
    form, status = BookForm(initial=start, towns=towns), 200
    if request.method == "POST":
        form, status = BookForm(request.POST, towns=towns), 400
        if form.is_valid():
            try:
                done = actions.book_appointments(by=request.user, now=now, **form.cleaned_data)
                words = {"made": done.made, "left": done.left}
                if done.left:
                    messages.warning(
                        request, _("%(made)d appointments were made; for %(left)d people there was no room.") % words
                    )
                else:
                    messages.success(request, _("%(made)d appointments were made; everybody has one.") % words)
                return redirect("outbreak:points")
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
    return render(request, "outbreak/samples/book.html", {"form": form}, status=status)


@require_POST
@person_who(TAKES)
def cancel_appointment(request: StaffRequest, appointment_id: int) -> HttpResponse:
    done = actions.cancel_appointment(by=request.user, now=clock.now(), appointment_id=appointment_id)
    messages.success(request, _("The appointment was taken back; the test stays due."))
    on = timezone.localtime(done.at).date().isoformat()
    return redirect(f"{reverse('outbreak:point', args=[done.point_id])}?on={on}")


# ---- labels ---------------------------------------------------------------------------------------------------------


class LabelsForm(forms.Form):
    """Labels to print."""

    use_required_attribute = False

    town = forms.ChoiceField(label=gettext_lazy("Town"))
    size = forms.TypedChoiceField(
        label=gettext_lazy("Tubes for how many"), coerce=int, choices=[(10, "10"), (5, "5"), (1, "1")]
    )
    number = NumberField(label=gettext_lazy("How many labels"))

    def __init__(self, *args: Any, towns: list[tuple[str, str]], **options: Any):
        super().__init__(*args, **options)
        self.fields["town"].choices = towns  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MANAGES)
def labels_page(request: StaffRequest) -> HttpResponse:
    """A sheet of labels with codes that nobody had before, as PDF."""
    now, towns = clock.now(), towns_of(request.user, MANAGES)
    form, status = LabelsForm(initial={"number": A_SHEET}, towns=towns), 200
    if request.method == "POST":
        form, status = LabelsForm(request.POST, towns=towns), 400
        if form.is_valid():
            asked = form.cleaned_data
            try:
                codes = actions.issue_labels(by=request.user, now=now, town=asked["town"], number=int(asked["number"]))
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                language = "zh" if (get_language() or "zh").startswith("zh") else "en"
                place = dict(towns).get(asked["town"], asked["town"])
                pdf = labels_pdf(codes, size=asked["size"], place=place, language=language, printed=now)
                answer = HttpResponse(pdf, content_type="application/pdf")
                answer.headers["Content-Disposition"] = 'inline; filename="labels.pdf"'
                return answer
    return render(request, "outbreak/samples/labels.html", {"form": form, "a_sheet": A_SHEET}, status=status)


# ---- how long it takes ----------------------------------------------------------------------------------------------


@require_safe
@person_who(TAKES)
def turnaround_page(request: StaffRequest) -> HttpResponse:
    """Hours from the first swab to sealing and to the result, by point and by laboratory, and what is overdue."""
    now, tubes = clock.now(), tubes_for(request.user)
    last = read_day(request.GET.get("to", ""), now)
    told = request.GET.get("from", "")
    first = read_day(told, now) if told else last - timedelta(days=DAYS - 1)
    first = min(max(first, last - timedelta(days=MOST_DAYS)), last)
    late = overdue(tubes, now)
    context = {
        "first": first,
        "last": last,
        "tables": [
            (_("By point"), _("Point"), figures_of(spans_of(tubes, first, last, by="point")), _("at the door")),
            (_("By laboratory"), _("Laboratory"), figures_of(spans_of(tubes, first, last, by="laboratory")), "–"),
        ],
        "late_count": late.count(),
        "late": show_tubes(list(late.select_related("point")[:TUBES]), set()),
    }
    return render(request, "outbreak/samples/turnaround.html", context)


urls = [
    path("samples/points/", points_page, name="points"),
    path("samples/points/<uuid:point_id>/", point_page, name="point"),
    path("samples/points/<uuid:point_id>/change/", change_point, name="change_point"),
    path("samples/points/<uuid:point_id>/close/", close_point, name="close_point"),
    path("samples/appointments/", book_page, name="book"),
    path("samples/appointments/<int:appointment_id>/cancel/", cancel_appointment, name="cancel_appointment"),
    path("samples/labels/", labels_page, name="labels"),
    path("samples/turnaround/", turnaround_page, name="turnaround"),
]
