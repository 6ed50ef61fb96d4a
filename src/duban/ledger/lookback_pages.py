"""The rounds of the look-back: drawing one, what it holds and what may be said of it, drawing it again, closing it."""

import csv
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.queries import names_of_people
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.tables import safe_cell
from duban.ledger import lookback, rectified
from duban.ledger.forms import Choices, NeededField, refuse
from duban.ledger.lifecycle import State
from duban.ledger.lookback_list import ALL, Items, page_of_items, page_of_rounds, read_standing
from duban.ledger.models import LookbackItem, LookbackRound
from duban.ledger.rectified import MEANINGS, Standing
from duban.ledger.sampling import Stratum
from duban.ledger.views import StaffRequest, area_choices, person_who
from duban.places import queries as places
from duban.places.codes import normalise_code

USUAL_SIZE = 20
REVISITS = (
    ("stands", gettext_lazy("stands")),
    ("recurred", gettext_lazy("recurred")),
    ("not_inspected", gettext_lazy("not inspected")),
)
"""Steps that a revisit may end in, and what they are called in a line."""
CHUNK = 2000
COLUMNS = (
    "round", "engine", "size", "seed", "number", "town", "again", "drawn", "result", "seen_at", "standing",
)  # fmt: skip


# ---- all rounds, and drawing one ------------------------------------------------------------------------------------


class DrawForm(forms.Form):
    """What to draw. `id` is made before the first press, so that a second press is a replay and no second round."""

    use_required_attribute = False

    id = forms.UUIDField(widget=forms.HiddenInput)
    at = NeededField(label=gettext_lazy("Area"), widget=forms.Select)
    due_on = NeededField(label=gettext_lazy("Due by"), widget=forms.DateInput(attrs={"type": "date"}))
    size = NeededField(
        label=gettext_lazy("How many to draw"),
        widget=forms.NumberInput(attrs={"min": 1, "max": lookback.MAX_SIZE, "inputmode": "numeric"}),
    )
    name = forms.CharField(label=gettext_lazy("Name of the round"), required=False)
    seed = forms.CharField(
        label=gettext_lazy("Seed"),
        required=False,
        help_text=gettext_lazy("Left empty, a random one is made. One that was thrown before witnesses may be typed."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, data: Any = None, *, areas: Choices, today: date):
        initial = {
            "id": uuid.uuid4(),
            "due_on": today.isoformat(),
            "size": USUAL_SIZE,
            "at": areas[0][0] if areas else "",
        }
        super().__init__(data, initial=initial)
        self.fields["at"].widget.choices = areas

    def clean_due_on(self) -> date | None:
        return read_day(self.cleaned_data["due_on"])

    def clean_size(self) -> int:
        return read_size(self.cleaned_data["size"])


def read_day(text: str) -> date | None:
    """A day as 2021-01-20, None for none; raises ValidationError (`bad_due_on`) in a form."""
    if not text.strip():
        return None
    try:
        found = parse_date(text.strip())
    except ValueError:
        found = None
    if found is None:
        raise forms.ValidationError(_("This is not a day; write 2021-01-20."), code="bad_due_on")
    return found


def read_size(text: str) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(lookback.SEES)
def rounds(request: StaffRequest) -> HttpResponse:
    """Every round the person may see, and for who may draw one: the form, with what it would find."""
    person, now, status = request.user, clock.now(), 200
    may_draw = bool(rights.codes(person, lookback.DRAWS))
    areas = _areas(person)
    today = timezone.localdate(now)
    form = DrawForm(request.POST if request.method == "POST" else None, areas=areas, today=today)
    if request.method == "POST":
        status = 400
        if form.is_valid():
            asked = form.cleaned_data
            try:
                drawn = lookback.draw_round(
                    by=person, now=now, at=asked["at"], size=asked["size"], due_on=asked["due_on"],
                    name=asked["name"], seed=asked["seed"], round_id=asked["id"],
                ).round  # fmt: skip
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("Round %(number)s is drawn.") % {"number": drawn.number})
                return redirect("ledger:lookback_round", drawn.pk)
    page = request.GET.get("page", "")
    listed, more = page_of_rounds(person, int(page) if page.isascii() and page.isdecimal() and len(page) < 7 else 1)
    context = {
        "rounds": listed,
        "older": f"?page={more}" if more else "",
        "form": form,
        "may_draw": may_draw,
        "preview": _preview(person, form, today) if may_draw and not form.errors else None,
    }
    return render(request, "ledger/lookback.html", context, status=status)


def _areas(person: Person) -> list[tuple[str, str]]:
    """(code, name) of where the person may draw: counties and towns, and a code of theirs that is none of these."""
    codes = rights.codes(person, lookback.DRAWS)
    choices = area_choices(codes)
    finer = [code for code in codes if code not in dict(choices)]
    names = places.names(finer) if finer else {}
    return [*choices, *((code, names.get(code, code)) for code in finer)]


@dataclass(frozen=True)
class TownShown:
    """What of a town was due and drawn, those that had come back before apart."""

    name: str
    due: int
    again: int
    drawn: int
    drawn_again: int


@dataclass(frozen=True)
class Preview:
    towns: list[TownShown]
    due: int
    again: int
    drawn: int
    drawn_again: int
    strata: int
    by_seed: bool
    """Fewer are to be drawn than there are strata: only the seed decides which."""


def towns_of(strata: list[Stratum], names: dict[str, str]) -> list[TownShown]:
    """The strata as lines, a town each."""
    lines = []
    for town in sorted({one.town for one in strata}):
        here = [one for one in strata if one.town == town]
        back = [one for one in here if one.again]
        lines.append(
            TownShown(
                names.get(town, town),
                sum(one.size for one in here),
                sum(one.size for one in back),
                sum(one.drawn for one in here),
                sum(one.drawn for one in back),
            )
        )
    return lines


def table_of(strata: list[Stratum], names: dict[str, str], size: int) -> Preview:
    """The strata as a table with its foot."""
    towns = towns_of(strata, names)
    return Preview(
        towns, sum(one.due for one in towns), sum(one.again for one in towns), sum(one.drawn for one in towns),
        sum(one.drawn_again for one in towns), len(strata), by_seed=len(strata) > size,
    )  # fmt: skip


def _preview(person: Person, form: DrawForm, today: date) -> Preview | None:
    return _preview_of(
        person, str(form["at"].value() or ""), str(form["due_on"].value()), str(form["size"].value()), today
    )


def _preview_of(person: Person, at: str, due_on: str, size: str, today: date) -> Preview | None:
    """None where the question makes no sense yet: the form says why when it is sent."""
    try:
        area, day = normalise_code(at), read_day(due_on) or today
        rights.require(person, lookback.DRAWS, area)
        lookback.check_day(day, clock.now())
    except (DubanError, forms.ValidationError):
        return None
    wanted = min(max(read_size(size), 1), lookback.MAX_SIZE)
    strata = lookback.frame_by_stratum(person, area, day, wanted)
    return table_of(strata, places.names({one.town for one in strata}), wanted)


@require_safe
@person_who(lookback.DRAWS)
def preview(request: StaffRequest) -> HttpResponse:
    """What a draw of that area, day and size would find, by town; nothing is stored and no seed is made."""
    today = timezone.localdate(clock.now())
    at, due_on, size = (request.GET.get(name, "") for name in ("at", "due_on", "size"))
    context = {"preview": _preview_of(request.user, at, due_on, size, today)}
    return render(request, "ledger/parts/lookback_preview.html", context)


# ---- one round ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ItemShown:
    """A line of the round."""

    item: LookbackItem
    word: str
    standing: str
    town: str
    revisits: list[tuple[str, str]]
    """Address and label of each step that may be taken on the entry's page."""


@dataclass(frozen=True)
class CountShown:
    """One of the ways an entry stands: its number opens its rows."""

    key: str
    word: str
    meaning: str
    n: int
    url: str
    on: bool


@require_safe
@person_who(lookback.SEES)
def round_page(request: StaffRequest, round_id: uuid.UUID) -> HttpResponse:
    """The round: what may be said of it, how it was drawn, and its entries."""
    round_ = lookback.round_for(request.user, round_id)
    refusal, chosen, page = None, "", Items([], 0, 0)
    items = lookback.items_for(request.user, round_)
    try:
        chosen = read_standing(request.GET.get("standing", ""))
        page = page_of_items(items, chosen, request.GET.get("after", ""), request.GET.get("before", ""))
    except DubanError as wrong:
        refusal = wrong
    context = _frame(request, round_)
    context |= {
        "refusal": refusal,
        "chosen": chosen,
        "chips": _chips(chosen),
        "items": _shown(request.user, round_, page.items, context["names"]),
        "older": _address(chosen, after=page.older),
        "newer": _address(chosen, before=page.newer),
    }
    counts = context["counts"]
    context["cells"] = [
        CountShown(
            str(one),
            str(one.label),
            str(MEANINGS[one]),
            counts.of(one),
            f"{_address(str(one), always=True)}#items",
            chosen == one,
        )
        for one in Standing
    ]
    response = render(request, "ledger/lookback_round.html", context, status=refusal.status if refusal else 200)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _frame(request: StaffRequest, round_: LookbackRound, **more: Any) -> dict[str, Any]:
    """What every page of a round needs."""
    items = lookback.items_for(request.user, round_)
    counts, strata = rectified.counts_of(items), lookback.strata_of(items)
    names = places.names({round_.area, *(one.town for one in strata)})
    people = names_of_people({name for name in (round_.drawn_by, round_.closed_by) if name})
    may_close = lookback.may_close(request.user, round_)
    return {
        "round": round_,
        "area": names.get(round_.area, round_.area),
        "names": names,
        "whole": lookback.sees_whole(request.user, round_),
        "counts": counts,
        "sentence": rectified.sentence(counts),
        "strata": table_of(strata, names, round_.size),
        "drawn_by": people[round_.drawn_by],
        "closed_by": people.get(round_.closed_by, ""),
        "may_close": may_close,
        "unvisited": lookback.unvisited(round_) if may_close else 0,
        "reason": "",
        "mend": None,
        "redrawn": None,
    } | more


def _chips(chosen: str) -> list[tuple[str, str, bool]]:
    """Label, address and whether it is on, of what is listed and what else may be; the counts open the rest."""
    words = [("", _("drawn")), (ALL, _("the whole frame"))]
    if chosen in Standing.values:
        words.append((chosen, str(Standing(chosen).label)))
    return [(label, _address(word, always=True), word == chosen) for word, label in words]


def _address(standing: str, *, after: int = 0, before: int = 0, always: bool = False) -> str:
    if not (after or before or always):
        return ""
    pairs = [("standing", standing), ("after", after), ("before", before)]
    return "?" + "&".join(f"{name}={value}" for name, value in pairs if value)


def _shown(person: Person, round_: LookbackRound, items: list[LookbackItem], names: dict[str, str]) -> list[ItemShown]:
    lines = []
    for item in items:
        entry = item.entry
        to_do = round_.is_open and item.drawn and entry.state == State.CLOSED and item.result in {"", "not_inspected"}
        to_do = to_do and rights.may(person, lookback.DRAWS, entry.jurisdiction, entry.category.kind)
        address = reverse("ledger:entry", args=[entry.pk])
        standing = Standing(item.standing)  # type: ignore[attr-defined]
        lines.append(
            ItemShown(
                item=item,
                word=str(State(entry.state).label),
                standing=str(standing.label),
                town=names.get(item.town, item.town),
                revisits=[(f"{address}#{action}_reason", str(label)) for action, label in REVISITS] if to_do else [],
            )
        )
    return lines


@require_http_methods(["POST"])
@person_who(lookback.DRAWS)
def close(request: StaffRequest, round_id: uuid.UUID) -> HttpResponse:
    """Close the round; a refusal stands at the reason."""
    reason = request.POST.get("reason", "")
    try:
        round_ = lookback.close_round(by=request.user, now=clock.now(), round_id=round_id, reason=reason)
    except DubanError as refusal:
        if refusal.field != "reason":
            raise
        round_ = lookback.round_for(request.user, round_id)
        context = _frame(request, round_, reason=reason, mend=refusal)
        return render(request, "ledger/lookback_close.html", context, status=refusal.status)
    messages.success(request, _("Round %(number)s is closed.") % {"number": round_.number})
    return redirect("ledger:lookback_round", round_.pk)


@require_safe
@person_who(lookback.SEES)
def redraw(request: StaffRequest, round_id: uuid.UUID) -> HttpResponse:
    """Draw the round again from what is kept, and say whether the same comes out; asked by htmx, only the line."""
    round_ = lookback.whole_round(request.user, round_id)
    context = {"round": round_, "redrawn": lookback.redrawn(round_)}
    template = "ledger/parts/lookback_redrawn.html" if request.htmx else "ledger/lookback_redrawn.html"
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_GET
@person_who(lookback.SEES)
def frame_file(request: StaffRequest, round_id: uuid.UUID) -> HttpResponseBase:
    """The frame with the seed as CSV: all that is needed to draw the round again by hand."""
    round_ = lookback.whole_round(request.user, round_id)
    response = StreamingHttpResponse(_frame_lines(round_), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="lookback-{round_.number}.csv"'
    return response


class _Echo:
    """A file for csv.writer that hands each line back instead of keeping it."""

    @staticmethod
    def write(line: str) -> str:
        return line


def _frame_lines(round_: LookbackRound) -> Iterator[str]:
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    yield "\ufeff" + writer.writerow(COLUMNS)
    found: Any = rectified.with_standing(LookbackItem.objects.filter(round=round_)).order_by("pk")
    columns = ("entry__number", "town", "again", "drawn", "result", "seen_at", "standing")
    rows = found.values_list(*columns).iterator(chunk_size=CHUNK)
    head = (round_.number, round_.engine, str(round_.size), safe_cell(round_.seed))
    while chunk := list(islice(rows, CHUNK)):
        for number, town, again, drawn, result, seen_at, standing in chunk:
            seen = timezone.localtime(seen_at).strftime("%Y-%m-%d %H:%M") if seen_at else ""
            yield writer.writerow((*head, number, town, int(again), int(drawn), result, seen, standing))
