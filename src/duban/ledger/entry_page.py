"""One entry's page: what is known of it, the steps this person may take, and taking one."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from duban.access.models import Person
from duban.core import clock
from duban.core.errors import DubanError, NotFound
from duban.ledger import actions, forms, history, queries, uploads
from duban.ledger.appending import BadStep, why_not
from duban.ledger.categories import category_index, find_category
from duban.ledger.lifecycle import TRANSITIONS, State, Transition
from duban.ledger.mandates import decisions_of
from duban.ledger.map_points import point_of
from duban.ledger.models import Category, Entry, EntryPhoto, Lookback, Moment
from duban.ledger.notices import mark_read
from duban.ledger.queries import SEEING
from duban.ledger.story import numbers_in_sight, state_line, told
from duban.ledger.uploads import Kept
from duban.ledger.views import StaffRequest, area_choices, attach_categories, person_who, scope_of
from duban.places import queries as places
from duban.places.codes import LENGTHS, covers

# The step that carries an entry on from each state; the others correct it, give it back or end it.
NEXT_STEP = {
    State.FOUND: "list",
    State.LISTED: "assign",
    State.ASSIGNED: "remedy",
    State.HELD: "resume",
    State.REMEDIED: "close",
    State.CLOSED: "stands",
}


@dataclass(frozen=True)
class StepShown:
    """A step with its form, or with the reason why this person may not take it now."""

    step: Transition
    form: forms.StepForm | None
    reason: str
    kept: Sequence[Kept] = ()
    wrong: bool = False
    targets: Sequence[tuple[Entry, float]] = ()

    @property
    def typed(self) -> list[str]:
        """The words that a person typed into a form that cannot be sent any more."""
        if self.form is None:
            return []
        return [text for name in ("reason", "description", "statement") if (text := self.form.data.get(name, ""))]


@require_safe
@person_who(*SEEING)
def entry_page(request: StaffRequest, entry_id: uuid.UUID) -> HttpResponse:
    """The page; who opens it has read what they were told of the entry."""
    entry = queries.entry_for(request.user, entry_id)
    if request.method == "GET":
        mark_read(by=request.user, now=clock.now(), entry_id=entry_id)
    return _show(request, entry)


def _show(
    request: StaffRequest,
    entry: Entry,
    *,
    answered: StepShown | None = None,
    offered: "Offered | None" = None,
    status: int = 200,
) -> HttpResponse:
    """The page; `answered` is the form that came back with something wrong, in place of a fresh one."""
    person, now = request.user, clock.now()
    events = list(entry.events.order_by("seq"))
    offered = offered or _offered(person, entry)
    story = told(events, {category.pk: category for category in offered.categories.values()})
    codes = {entry.jurisdiction, entry.responsible} | {code for line in story for code in line.codes}
    names = places.names(codes)
    steps = _steps(person, entry, offered, names, answered)
    may = [shown for shown in steps if not shown.reason]
    next_action = _next_action(entry, now)
    primary = next((shown for shown in may if shown.step.action == next_action), None)
    photos = list(entry.photos.select_related("photo").order_by("-moment", "position"))
    of_cycle = _of_cycle(entry, photos)
    links = (entry.merged_into_id, entry.split_from_id, *(link for line in story for link in line.links))
    numbers = numbers_in_sight(person, links)
    seen = Entry.objects.visible_to(person)
    was_split = any(event.action == "split" for event in events)
    context = {
        "entry": entry,
        "word": State(entry.state).label,
        "overdue": queries.is_overdue(entry, now),
        "unit": names.get(entry.responsible, entry.responsible),
        "area": names.get(entry.jurisdiction, entry.jurisdiction),
        "before": [photo for photo in of_cycle if photo.moment == Moment.BEFORE],
        "after": [photo for photo in of_cycle if photo.moment == Moment.AFTER],
        "photos": photos,
        "decisions": decisions_of(person, entry.pk),
        "parts": list(seen.filter(split_from=entry).order_by("number")) if was_split else [],
        "merged_into": numbers.get(str(entry.merged_into_id), ""),
        "split_from": numbers.get(str(entry.split_from_id), ""),
        "lookback_due": queries.lookback_is_due(entry, now),
        "points": [point_of(entry, now) | {"lon": entry.lon, "lat": entry.lat, "url": ""}],
        "reasons": reasons_of(entry.located),
        "layers": layers_of(entry.located),
        "line": state_line(entry, events),
        "story": [line.named(names, numbers) for line in story],
        "primary": primary,
        "others": [shown for shown in may if shown is not primary],
        "barred": [shown for shown in steps if shown.reason],
        "waiting": TRANSITIONS[next_action] if next_action and primary is None else None,
        "lost": answered if answered and answered.step.action not in {shown.step.action for shown in may} else None,
    }
    return render(request, "ledger/entry.html", context, status=status)


def _of_cycle(entry: Entry, photos: Sequence[EntryPhoto]) -> Sequence[EntryPhoto]:
    """The photos to compare: once it has recurred, the one that showed so and what came after it."""
    if entry.cycle == 1:
        return photos
    latest = max((photo.position for photo in photos if photo.moment == Moment.BEFORE), default=0)
    return [photo for photo in photos if photo.position >= latest]


def _next_action(entry: Entry, now: datetime) -> str | None:
    """What the entry waits for; one that stands struck off waits for nothing until its look-back is due."""
    if entry.state == State.CLOSED and (entry.lookback == Lookback.STANDS or not queries.lookback_is_due(entry, now)):
        return None
    return "grant_extension" if entry.extension_until else NEXT_STEP.get(State(entry.state))


@dataclass(frozen=True)
class Offered:
    """What the forms of an entry's steps offer, read once for all of them."""

    categories: Mapping[str, Category]
    areas: Sequence[tuple[str, str]]

    def units(self, codes: Sequence[str]) -> list[tuple[str, str]]:
        return [(code, name) for code, name in self.areas if covers(codes, code)]


def _offered(person: Person, entry: Entry) -> Offered:
    return Offered(
        category_index(), area_choices([*scope_of(person, "entry.triage"), entry.jurisdiction[: LENGTHS[0]]])
    )


def _steps(
    person: Person, entry: Entry, offered: Offered, names: Mapping[str, str], answered: StepShown | None
) -> list[StepShown]:
    shown = []
    for step, reason in queries.steps_for(person, entry, names):
        if reason:
            shown.append(StepShown(step, None, reason))
        elif answered and step.action == answered.step.action:
            shown.append(answered)
        else:
            shown.append(_make_step(person, entry, step, offered))
    return shown


def _make_step(
    person: Person,
    entry: Entry,
    step: Transition,
    offered: Offered,
    data: Any = None,
    files: Any = None,
    kept: Sequence[Kept] = (),
) -> StepShown:
    # Who gives an entry back may name any unit of the county; who assigns it, one of their own area.
    own = scope_of(person, "entry.triage")
    scope = {"assign": own, "split": own, "return": [entry.jurisdiction[: LENGTHS[0]]]}
    units = offered.units(scope.get(step.action, []))
    targets: Sequence[tuple[Entry, float]] = ()
    if step.action == "merge":
        targets = queries.near_open(person, entry.lon, entry.lat, leave_out=entry.pk)
        attach_categories([target for target, _metres in targets], offered.categories)
    form = forms.StepForm(
        step,
        entry,
        data,
        files,
        units=units,
        targets=[(str(target.pk), str(target)) for target, _metres in targets],
        categories=forms.category_choices(offered.categories),
    )
    return StepShown(step, form, "", kept, wrong=data is not None, targets=targets)


def reasons_of(located: dict[str, Any]) -> list[str]:
    """Why the place was described as it was, in the reader's language."""
    key = "text" if (get_language() or "zh").startswith("zh") else "text_en"
    return [
        str(reason.get(key) or reason.get("code", "")) if isinstance(reason, dict) else str(reason)
        for reason in located.get("reasons", [])
    ]


def layers_of(located: dict[str, Any]) -> list[tuple[str, str]]:
    """The layers that were asked, by name, and the day each describes."""
    names = {
        "roads": _("roads"),
        "waters": _("waters"),
        "villages": _("villages"),
        "boundaries": _("boundaries"),
        "landmarks": _("landmarks"),
    }
    return [(names.get(layer, layer), as_of) for layer, as_of in located.get("layers", {}).items()]


@require_POST
@person_who(*SEEING)
def take_step(request: StaffRequest, entry_id: uuid.UUID, action: str) -> HttpResponse:
    """One step of the lifecycle; refused, the page comes back as the entry is now, with all that was typed."""
    person, now = request.user, clock.now()
    step = TRANSITIONS.get(action)
    if step is None or not step.by_person:
        raise Http404(action)
    entry = queries.entry_for(person, entry_id)
    barred = why_not(person, step, entry)
    sent, spoilt = ([], []) if barred else uploads.store_files(request.FILES.getlist("photos"), by=person, now=now)
    kept = uploads.merge_kept(uploads.read_kept(request.POST.getlist("kept"), person), sent)
    data = request.POST.copy()
    offered = _offered(person, entry)
    shown = _make_step(person, entry, step, offered, data, request.FILES, kept)
    form: forms.StepForm = shown.form  # type: ignore[assignment]
    status = 400
    for wrong in spoilt:
        form.add_error("photos", ValidationError(f"{wrong.name}: {wrong.refusal}", code=wrong.refusal.code))
    if barred:
        forms.refuse(form, barred)
        status = barred.status
    elif form.is_valid():
        try:
            _take(step, form.cleaned_data, [one.photo.pk for one in kept], by=person, now=now, entry=entry)
        except NotFound:
            raise
        except DubanError as refusal:
            forms.refuse(form, refusal)
            status = refusal.status
        else:
            messages.success(request, _("Done: %(step)s.") % {"step": step.label})
            # What was given back to another unit is out of the sight of who gave it back.
            still_seen = Entry.objects.visible_to(person).filter(pk=entry_id).exists()
            return redirect("ledger:entry", entry_id) if still_seen else redirect("ledger:list")
    fresh = queries.entry_for(person, entry_id)
    data["seen"] = str(fresh.event_count)
    return _show(request, fresh, answered=shown, offered=offered, status=status)


def _take(
    step: Transition, said: dict[str, Any], photos: Sequence[str], *, by: Person, now: datetime, entry: Entry
) -> None:
    """Call the action of the step with what its form said."""
    common = {"by": by, "now": now, "entry_id": entry.pk, "seen": said["seen"]}
    if step.action == "add_photo":
        if not photos:
            raise BadStep("photo_missing", _("Choose a photo first."), field="photos")
        for photo in photos:
            actions.add_photo(**common, photo=photo)
            common["seen"] = None
        return
    facts: dict[str, Any] = {
        name: said[name] for name in ("reason", "unit", "units", "due_at", "until") if name in said
    }
    if "photos" in said:
        facts["photos"] = photos
    if step.action == "merge":
        facts["into"] = _target(by, said)
    if step.action == "amend":
        facts |= {"statement": said["statement"], "description": said["description"]}
        facts["category"] = find_category(said["category"], category_index())
    actions.VERBS[step.action](**common, **facts)


def _target(person: Person, said: dict[str, Any]) -> uuid.UUID:
    """The entry to merge into: picked from those near, or named by its number."""
    if said["number"]:
        found = Entry.objects.visible_to(person).filter(number=said["number"]).values_list("pk", flat=True).first()
        if found is None:
            raise BadStep("bad_merge_target", _("No entry that you see has this number."), field="number")
        return found
    try:
        return uuid.UUID(said["into"])
    except ValueError as error:
        raise BadStep("bad_merge_target", _("Pick the entry that goes on."), field="into") from error


@require_safe
@person_who(*SEEING)
def verify(request: StaffRequest, entry_id: uuid.UUID) -> HttpResponse:
    """Recompute the entry's chain and say whether it is whole."""
    entry = queries.entry_for(request.user, entry_id)
    problems = list(history.verify_entry(entry))
    return render(request, "ledger/parts/verified.html", {"entry": entry, "problems": problems})
