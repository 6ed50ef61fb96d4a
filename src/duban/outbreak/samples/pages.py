"""Samples: the day's tubes, one tube on a phone, results, and who is to be confirmed or sampled again."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, refuse
from duban.core.tables import in_zone, parse_moment
from duban.outbreak.casefiles.identity import Facts, facts_of_many
from duban.outbreak.casefiles.queries import files_for, find
from duban.outbreak.models import CaseFile, Result, SamplingPoint, Swab, Tube
from duban.outbreak.protection.visibility import show_list
from duban.outbreak.samples import actions
from duban.outbreak.samples.appointments import to_come
from duban.outbreak.samples.codes import BadTube, spaced
from duban.outbreak.samples.labels import qr_svg
from duban.outbreak.samples.queries import (
    MANAGES,
    SINGLE_WORDS,
    TAKES,
    TOWN,
    points_for,
    reaches,
    single_only,
    tube_for,
    tubes_for,
)
from duban.outbreak.samples.turnaround import counts_of, day_range, overdue, without_result
from duban.places import queries as places

PAGE = 50
NEXT = 30
"""People with an appointment that are offered for one tap."""
SHOWS: dict[str, Promise] = {
    "day": gettext_lazy("of the day"),
    "waiting": gettext_lazy("without a result"),
    "late": gettext_lazy("overdue"),
}
STATES: dict[str, Promise] = {
    "open": pgettext_lazy("tube", "open"),
    "sealed": pgettext_lazy("tube", "sealed, waits for its result"),
    "void": pgettext_lazy("tube", "given up"),
}
SHAPES = {"open": "found", "sealed": "assigned", "void": "void", Result.NEGATIVE: "closed"}


@dataclass(frozen=True)
class TubeShown:
    tube: Tube
    code: str
    word: str
    shape: str
    people: int
    late: bool


@dataclass(frozen=True)
class PersonShown:
    """Somebody in a tube, or about to be. `why_not`: why they may not be pooled; `mine`: whether a link leads on."""

    file: CaseFile
    facts: Facts
    why_not: str = ""
    at: datetime | None = None
    mine: bool = True


def state_of(tube: Tube) -> tuple[str, str]:
    """A tube's state by key and in words."""
    if tube.result:
        return tube.result, str(tube.get_result_display())
    key = "void" if tube.voided_at else "sealed" if tube.sealed_at else "open"
    return key, str(STATES[key])


def show_tubes(tubes: list[Tube], late: set[uuid.UUID]) -> list[TubeShown]:
    """The tubes of one page with their people counted."""
    people: dict[uuid.UUID, int] = {}
    for tube_id in Swab.objects.filter(tube__in=tubes).values_list("tube_id", flat=True):
        people[tube_id] = people.get(tube_id, 0) + 1
    found = []
    for tube in tubes:
        key, word = state_of(tube)
        shape = SHAPES.get(key, "overdue")
        found.append(TubeShown(tube, spaced(tube.code), word, shape, people.get(tube.pk, 0), tube.pk in late))
    return found


# ---- the tubes of a day ---------------------------------------------------------------------------------------------


class OpenForm(forms.Form):
    """A tube to open: where, for how many, and its label."""

    use_required_attribute = False

    place = forms.ChoiceField(label=gettext_lazy("Where"))
    size = forms.TypedChoiceField(
        label=gettext_lazy("For how many"),
        coerce=int,
        choices=[(10, "10"), (5, "5"), (1, "1")],
        initial=10,
        widget=forms.RadioSelect,
    )
    code = forms.CharField(
        label=gettext_lazy("Code on the label"),
        help_text=gettext_lazy("Scan it. Left empty, the tube gets the next code, to be written on it."),
        required=False,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "data-scan": gettext_lazy("Scan with the camera"),
                "autocapitalize": "characters",
            }
        ),
    )

    def __init__(self, *args: Any, places: list[tuple[str, str]], **options: Any):
        super().__init__(*args, **options)
        self.fields["place"].choices = places  # type: ignore[attr-defined]


def places_of(person: Person, now: datetime) -> list[tuple[str, str]]:
    """Where the person takes samples: the open points by id, then the towns by code."""
    today = timezone.localtime(now).date()
    points = [point for point in points_for(person) if point.closed_on is None or point.closed_on > today]
    towns = towns_of(person, TAKES)
    names = dict(towns)
    choices = [(str(point.pk), f"{point.name} · {names.get(point.town, point.town)}") for point in points]
    return choices + [(code, _("%(town)s, at the door") % {"town": name}) for code, name in towns]


def towns_of(person: Person, permission: str) -> list[tuple[str, str]]:
    """The towns where the person holds the right, by code, with their names."""
    codes = {code[:TOWN] for code in rights.codes(person, permission)}
    found = {code: code for code in codes if len(code) == TOWN}
    found |= {unit.code: unit.name for unit in places.counties_and_towns(codes) if len(unit.code) == TOWN}
    return sorted(found.items())


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(TAKES)
def samples_page(request: StaffRequest) -> HttpResponse:
    """The tubes of one day, those without a result, or the overdue ones; a tube is opened here."""
    now, person = clock.now(), request.user
    form, status = OpenForm(places=places_of(person, now)), 200
    if request.method == "POST":
        form, status = OpenForm(request.POST, places=places_of(person, now)), 400
        if form.is_valid():
            try:
                return redirect("outbreak:tube", _open(person, now, form.cleaned_data).pk)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
    on = read_day(request.GET.get("on", ""), now)
    start, end = day_range(on, on)
    mine = tubes_for(person)
    of_day = mine.filter(opened_at__gte=start, opened_at__lt=end)
    late = overdue(mine, now)
    show = request.GET.get("show", "day")
    wanted = {"waiting": without_result(mine), "late": late}.get(show, of_day)
    page = Paginator(wanted.select_related("point"), PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "on": on,
        "show": show if show in SHOWS else "day",
        "shows": SHOWS.items(),
        "counts": counts_of(of_day),
        "late": late.count(),
        "page": page,
        "tubes": show_tubes(
            list(page), set(late.filter(pk__in=[tube.pk for tube in page]).values_list("pk", flat=True))
        ),
        "manages": bool(rights.codes(person, MANAGES)),
    }
    return render(request, "outbreak/samples/samples.html", context, status=status)


def _late_of(tubes: list[Tube], now: datetime) -> set[uuid.UUID]:
    of_page = Tube.objects.filter(pk__in=[tube.pk for tube in tubes])
    return set(overdue(of_page, now).values_list("pk", flat=True))


def _open(person: Person, now: datetime, asked: dict[str, Any]) -> Tube:
    place = asked["place"]
    point = None
    if len(place) > TOWN:
        point = SamplingPoint.objects.filter(pk=place).first()
    town = point.town if point is not None else place
    return actions.open_tube(by=person, now=now, size=asked["size"], town=town, point=point, code=asked["code"])


def read_day(text: str, now: datetime) -> date:
    """The day of an address, else today."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return timezone.localtime(now).date()


# ---- one tube -------------------------------------------------------------------------------------------------------


class ResultForm(forms.Form):
    """What the laboratory says of one tube."""

    use_required_attribute = False

    result = NeededField(label=gettext_lazy("Result"), widget=forms.Select(choices=[("", "–"), *Result.choices]))
    laboratory = NeededField(
        label=gettext_lazy("Laboratory"), widget=forms.TextInput(attrs={"autocomplete": "on", "list": "laboratories"})
    )
    resulted_at = NeededField(
        label=gettext_lazy("Time of the result"), widget=forms.TextInput(attrs={"placeholder": "2021-01-18 18:30"})
    )

    def clean_resulted_at(self) -> datetime:
        moment = parse_moment(self.cleaned_data["resulted_at"])
        if moment is None or not 1990 <= moment.year < 9000:
            raise forms.ValidationError(_("Write the time as 2021-01-18 18:30."), code="bad_time")
        return in_zone(moment)


@require_safe
@person_who(TAKES)
def tube_page(request: StaffRequest, tube_id: uuid.UUID) -> HttpResponse:
    """A tube that is filled, waits, or has its result; with `text` the people that this finds."""
    return _tube_page(request, tube_for(request.user, tube_id))


def _tube_page(
    request: StaffRequest,
    tube: Tube,
    *,
    refusal: DubanError | None = None,
    found: list[CaseFile] | None = None,
    form: ResultForm | None = None,
    said: str = "",
) -> HttpResponse:
    now, person = clock.now(), request.user
    swabs = list(tube.swabs.select_related("file").order_by("-taken_at", "-pk"))
    is_open = tube.sealed_at is None and tube.voided_at is None
    inside = {swab.file_id for swab in swabs}
    manages = reaches(person, MANAGES, tube.town)
    key, word = state_of(tube)
    local = timezone.localtime(now).strftime("%Y-%m-%d %H:%M")
    laboratories = tubes_for(person).exclude(laboratory="").order_by("laboratory")
    context = {
        "tube": tube,
        "code": spaced(tube.code),
        "qr": qr_svg(tube.code),
        "place": tube.point.name if tube.point else places.names([tube.town]).get(tube.town, tube.town),
        "state": key,
        "word": word,
        "shape": SHAPES.get(key, "overdue"),
        "is_open": is_open,
        "left": tube.size - len(swabs),
        "slots": [place < len(swabs) for place in range(tube.size)],
        "swabs": list(zip(swabs, show_people(person, [swab.file for swab in swabs], now), strict=True)),
        "found": show_people(person, found or [], now, pooled=tube.size > 1),
        "next": _next(person, tube, inside, now) if is_open else [],
        "late": overdue(Tube.objects.filter(pk=tube.pk), now).exists(),
        "manages": manages,
        "form": form or (ResultForm(initial={"resulted_at": local}) if manages else None),
        "laboratories": list(laboratories.values_list("laboratory", flat=True).distinct()[:50]),
        "refusal": refusal,
        "said": said,
    }
    template = "outbreak/samples/parts/tube.html" if request.htmx else "outbreak/samples/tube.html"
    # htmx swaps what a refusal says only where the answer is no error.
    status = refusal.status if refusal and not request.htmx else 200
    return render(request, template, context, status=status)


def _next(person: Person, tube: Tube, inside: set[uuid.UUID], now: datetime) -> list[PersonShown]:
    """Those with an appointment at the tube's point within the hour, or whose hour it was."""
    if tube.point_id is None:
        return []
    due = to_come(now).filter(point=tube.point_id, at__lt=now + timedelta(hours=1)).exclude(file__in=inside)
    rows = list(due.select_related("file")[:NEXT])
    mine = {file.pk for file in files_for(person).filter(pk__in=[row.file_id for row in rows])}
    rows = [row for row in rows if row.file_id in mine]
    people = show_people(person, [row.file for row in rows], now, pooled=tube.size > 1)
    return [PersonShown(one.file, one.facts, one.why_not, row.at) for one, row in zip(people, rows, strict=True)]


def show_people(person: Person, files: list[CaseFile], now: datetime, *, pooled: bool = False) -> list[PersonShown]:
    """The people of one page as the person may see them, each look on the record; `pooled`: and why not in a pool."""
    facts = show_list(by=person, now=now, files=files, facts=facts_of_many(files))
    mine = set(files_for(person).filter(pk__in=[file.pk for file in files]).values_list("pk", flat=True))
    single = single_only([file.pk for file in files], now) if pooled and files else {}
    return [
        PersonShown(
            file,
            facts[file.pk],
            str(SINGLE_WORDS[single[file.pk]]) if file.pk in single else "",
            mine=file.pk in mine,
        )
        for file in files
    ]


@require_POST
@person_who(TAKES)
def add(request: StaffRequest, tube_id: uuid.UUID) -> HttpResponse:
    """Put somebody into the tube: the one that was tapped, or whom the scanned or typed text finds alone."""
    tube, now, person = tube_for(request.user, tube_id), clock.now(), request.user
    text = request.POST.get("text", "")
    try:
        file_id = _told(request.POST.get("file", ""))
        if file_id is None:
            found = list(find(person, text)[:6])
            if len(found) != 1:
                return _several(request, tube, found, text)
            file_id = found[0].pk
        actions.add_swab(by=person, now=now, tube_id=tube.pk, file_id=file_id)
    except DubanError as refusal:
        return _tube_page(request, tube_for(person, tube_id), refusal=refusal, said=text)
    return _shown(request, tube)


def _several(request: StaffRequest, tube: Tube, found: list[CaseFile], text: str) -> HttpResponse:
    if found:
        return _tube_page(request, tube, found=found, said=text)
    missing = BadTube(
        "person_not_found",
        gettext_lazy("Nobody is found by this. Type the number of the file, an ID number or a telephone."),
        field="text",
    )
    return _tube_page(request, tube, refusal=missing, said=text)


def _told(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _shown(request: StaffRequest, tube: Tube) -> HttpResponse:
    if request.htmx:
        return _tube_page(request, tube_for(request.user, tube.pk))
    return redirect("outbreak:tube", tube.pk)


@require_POST
@person_who(TAKES)
def remove(request: StaffRequest, tube_id: uuid.UUID) -> HttpResponse:
    """Take somebody out again."""
    tube, file_id = tube_for(request.user, tube_id), _told(request.POST.get("file", ""))
    try:
        if file_id is not None:
            actions.remove_swab(by=request.user, now=clock.now(), tube_id=tube.pk, file_id=file_id)
    except DubanError as refusal:
        return _tube_page(request, tube_for(request.user, tube_id), refusal=refusal)
    return _shown(request, tube)


@require_POST
@person_who(TAKES)
def seal(request: StaffRequest, tube_id: uuid.UUID) -> HttpResponse:
    tube = tube_for(request.user, tube_id)
    try:
        actions.seal_tube(by=request.user, now=clock.now(), tube_id=tube.pk)
    except DubanError as refusal:
        return _tube_page(request, tube, refusal=refusal)
    return _shown(request, tube)


@require_POST
@person_who(TAKES)
def void(request: StaffRequest, tube_id: uuid.UUID) -> HttpResponse:
    """Give the tube up; the tests of its people are due again."""
    tube = tube_for(request.user, tube_id)
    try:
        actions.void_tube(by=request.user, now=clock.now(), tube_id=tube.pk)
    except DubanError as refusal:
        return _tube_page(request, tube, refusal=refusal)
    messages.success(request, _("The tube was given up; the tests of its people are due again."))
    return redirect("outbreak:samples")


@require_POST
@person_who(MANAGES)
def result(request: StaffRequest, tube_id: uuid.UUID) -> HttpResponse:
    """The laboratory's result of this tube."""
    tube, form = tube_for(request.user, tube_id), ResultForm(request.POST)
    if form.is_valid():
        try:
            actions.record_result(by=request.user, now=clock.now(), tube_id=tube.pk, **form.cleaned_data)
            return redirect("outbreak:tube", tube.pk)
        except DubanError as refusal:
            refuse(form, refusal)
    answer = _tube_page(request, tube_for(request.user, tube_id), form=form)
    answer.status_code = 400
    return answer


urls = [
    path("samples/", samples_page, name="samples"),
    path("samples/tubes/<uuid:tube_id>/", tube_page, name="tube"),
    path("samples/tubes/<uuid:tube_id>/add/", add, name="add_swab"),
    path("samples/tubes/<uuid:tube_id>/remove/", remove, name="remove_swab"),
    path("samples/tubes/<uuid:tube_id>/seal/", seal, name="seal_tube"),
    path("samples/tubes/<uuid:tube_id>/void/", void, name="void_tube"),
    path("samples/tubes/<uuid:tube_id>/result/", result, name="tube_result"),
]
