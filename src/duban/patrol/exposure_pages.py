"""The exposure column: proposed, answered, decided, corrected; and what of it anybody may read."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.dateparse import parse_date
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.queries import names_of_people
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, refuse
from duban.ledger.forms import MomentField
from duban.patrol import exposure
from duban.patrol.models import Exposure, ExposureState, Stand, Visit
from duban.places import queries as places

PAGE_SIZE = 50
VISITS_SHOWN = 20
SHAPES = {
    ExposureState.PROPOSED: "found",
    ExposureState.APPROVED: "published",
    ExposureState.REFUSED: "discarded",
    ExposureState.WITHDRAWN: "void",
}
FILTERS: dict[str, Promise | str] = {
    "": gettext_lazy("waiting for a decision"),
    "shown": gettext_lazy("shown to the public"),
    "past": gettext_lazy("past its last day"),
    "refused": pgettext_lazy("exposure", "refused"),
    "withdrawn": pgettext_lazy("exposure", "withdrawn"),
    "all": gettext_lazy("all"),
}


# ---- the list -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """A line of the list, or the head of a page."""

    exposure: Exposure
    town: str
    word: str
    shape: str
    proposer: str
    decider: str
    stand: str
    waits: bool
    """The venue may still reply."""


def _shown(found: list[Exposure], now: datetime) -> list[Shown]:
    names = places.names({one.town for one in found})
    people = names_of_people({name for one in found for name in (one.proposed_by, one.decided_by) if name})
    today = timezone.localdate(now)
    lines = []
    for one in found:
        past = one.state == ExposureState.APPROVED and one.expires_on < today
        lines.append(
            Shown(
                exposure=one,
                town=names.get(one.town, one.town),
                word=_("past its last day") if past else str(ExposureState(one.state).label),
                shape="closed" if past else SHAPES[ExposureState(one.state)],
                proposer=people[one.proposed_by],
                decider=people[one.decided_by] if one.decided_by else "",
                stand=str(Stand(one.stand).label) if one.stand else "",
                waits=one.state == ExposureState.PROPOSED and not one.stand and now < one.reply_until,
            )
        )
    return lines


def _filtered(found: QuerySet[Exposure], wanted: str, now: datetime) -> QuerySet[Exposure]:
    today = timezone.localdate(now)
    if wanted == "shown":
        return found.filter(state=ExposureState.APPROVED, expires_on__gte=today)
    if wanted == "past":
        return found.filter(state=ExposureState.APPROVED, expires_on__lt=today)
    if wanted == "all":
        return found
    return found.filter(state=wanted or ExposureState.PROPOSED)


def _after(found: QuerySet[Exposure], key: str) -> QuerySet[Exposure]:
    """The rows that come after the one with this key, in the order of the list; all of them if it is not there."""
    try:
        last = found.model.objects.filter(pk=uuid.UUID(key)).first() if key else None
    except ValueError:
        last = None
    if last is None:
        return found
    return found.filter(Q(proposed_at__lt=last.proposed_at) | Q(proposed_at=last.proposed_at, pk__gt=last.pk))


def _earlier(found: QuerySet[Visit], key: str) -> QuerySet[Visit]:
    """The visits before the one with this key; all of them if it is not there."""
    try:
        last = Visit.objects.filter(pk=uuid.UUID(key)).first() if key else None
    except ValueError:
        last = None
    if last is None:
        return found
    return found.filter(Q(visited_at__lt=last.visited_at) | Q(visited_at=last.visited_at, pk__gt=last.pk))


@require_safe
@person_who(exposure.SEES)
def exposures(request: StaffRequest) -> HttpResponse:
    """What is proposed, shown or over, in the person's area; and visits of which something may be proposed."""
    person, now = request.user, clock.now()
    wanted = request.GET.get("state", "")
    wanted = wanted if wanted in FILTERS else ""
    listed = _after(_filtered(exposure.exposures_for(person), wanted, now), request.GET.get("after", ""))
    found = list(listed.order_by("-proposed_at", "id")[: PAGE_SIZE + 1])
    more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    may_propose = bool(rights.codes(person, exposure.PROPOSES))
    visits: list[Visit] = []
    if may_propose and not wanted:
        proposable = _earlier(exposure.proposable_visits(person), request.GET.get("before", ""))
        visits = list(proposable[: VISITS_SHOWN + 1])
    names = places.names({visit.town for visit in visits})
    context = {
        "lines": _shown(found, now),
        "older": f"?state={wanted}&after={found[-1].pk}" if more else "",
        "chips": [(label, f"?state={key}" if key else "?", key == wanted) for key, label in FILTERS.items()],
        "wanted": wanted,
        "visits": [(visit, names.get(visit.town, visit.town)) for visit in visits[:VISITS_SHOWN]],
        "earlier": f"?before={visits[VISITS_SHOWN - 1].pk}#visits-title" if len(visits) > VISITS_SHOWN else "",
        "may_propose": may_propose,
    }
    return render(request, "patrol/exposures.html", context)


# ---- proposing ------------------------------------------------------------------------------------------------------


class ProposeForm(forms.Form):
    """What of a visit to expose. `id` is made before the first press, so that a second press is a replay."""

    use_required_attribute = False

    id = forms.UUIDField(widget=forms.HiddenInput)
    keys = forms.MultipleChoiceField(
        label=gettext_lazy("What is told"), required=False, widget=forms.CheckboxSelectMultiple
    )
    withhold_name = forms.BooleanField(
        label=gettext_lazy("Withhold the name: print only what kind of venue it is"), required=False
    )
    reply_until = MomentField(label=gettext_lazy("The venue may reply until"), required=False)
    expires_on = NeededField(
        label=gettext_lazy("Last day of the exposure"), widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, data: Any = None, *, visit: Visit, corrects: Exposure | None, now: datetime):
        problems = exposure.problems_of(visit)
        told = {problem["key"] for problem in (corrects.problems if corrects else problems)}
        initial = {
            "id": uuid.uuid4(),
            "keys": [problem["key"] for problem in problems if problem["key"] in told],
            "withhold_name": bool(corrects and corrects.venue_name != visit.venue.name),
            "reply_until": now + exposure.TIME_TO_REPLY,
            "expires_on": (timezone.localdate(now) + exposure.TIME_SHOWN).isoformat(),
        }
        super().__init__(data, initial=initial)
        self.corrects = corrects
        language = "en" if _in_english() else "zh"
        told_of: Any = self.fields["keys"]
        told_of.choices = [(problem["key"], problem[language]) for problem in problems]

    def clean_expires_on(self) -> date | None:
        text = self.cleaned_data["expires_on"].strip()
        try:
            found = parse_date(text) if text else None
        except ValueError:
            found = None
        if text and found is None:
            raise forms.ValidationError(_("This is not a day; write 2021-01-20."), code="bad_expires_on")
        return found


def _in_english() -> bool:
    return not (get_language() or "zh").startswith("zh")


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(exposure.PROPOSES)
def propose(request: StaffRequest, finished_id: uuid.UUID) -> HttpResponse:
    """Propose to expose what failed at a visit, or, with `corrects`, to put something else in an exposure's place."""
    person, now, status = request.user, clock.now(), 200
    visit = exposure.visit_for(person, finished_id)
    old = _corrected(person, visit, request.GET.get("corrects", ""))
    form = ProposeForm(request.POST if request.method == "POST" else None, visit=visit, corrects=old, now=now)
    if request.method == "POST":
        status = 400
        if form.is_valid():
            asked = form.cleaned_data
            try:
                made = exposure.propose_exposure(
                    by=person, now=now, visit_id=visit.pk, keys=asked["keys"], withhold_name=asked["withhold_name"],
                    reply_until=asked["reply_until"], expires_on=asked["expires_on"],
                    corrects=old.pk if old else None, exposure_id=asked["id"],
                ).exposure  # fmt: skip
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("Proposed; a second person decides."))
                return redirect("patrol:exposure", made.pk)
    context = {
        "visit": visit,
        "town": places.names([visit.town]).get(visit.town, visit.town),
        "corrects": old,
        "form": form,
        "withheld": exposure.name_withheld(visit.venue),
    }
    return render(request, "patrol/exposure_propose.html", context, status=status)


def _corrected(person: Person, visit: Visit, text: str) -> Exposure | None:
    if not text:
        return None
    try:
        found = exposure.exposure_for(person, uuid.UUID(text))
    except ValueError as error:
        raise Http404(text) from error
    if found.visit_id != visit.pk:
        raise Http404(text)
    return found


# ---- one exposure ---------------------------------------------------------------------------------------------------


class ReplyForm(forms.Form):
    """How the venue replied."""

    use_required_attribute = False

    stand = NeededField(label=gettext_lazy("The venue"), widget=forms.Select)
    words = forms.CharField(
        label=gettext_lazy("In its own words"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("For who decides; never printed."),
    )

    def __init__(self, data: Any = None, *, of: Exposure):
        super().__init__(data, initial={"stand": of.stand, "words": of.reply}, auto_id="reply_%s")
        self.fields["stand"].widget.choices = [("", "–"), *Stand.choices]


class ReasonForm(forms.Form):
    """Why it is refused or withdrawn; the approval needs no more than what was seen."""

    use_required_attribute = False

    reason = NeededField(label=gettext_lazy("Reason"), widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, data: Any = None, *, step: str):
        super().__init__(data, auto_id=f"{step}_%s")


@require_safe
@person_who(exposure.SEES)
def one(request: StaffRequest, exposure_id: uuid.UUID) -> HttpResponse:
    """An exposure as it is printed, the venue's reply, and the steps that the person may take or not."""
    return _one(request, exposure.exposure_for(request.user, exposure_id))


def _one(
    request: StaffRequest,
    found: Exposure,
    *,
    bound: Mapping[str, forms.Form] | None = None,
    refusal: DubanError | None = None,
    status: int = 200,
) -> HttpResponse:
    person, now = request.user, clock.now()
    given = bound or {}
    proposed = found.state == ExposureState.PROPOSED
    live = found.state in exposure.LIVE
    may_propose = rights.may(person, exposure.PROPOSES, found.jurisdiction)
    may_withdraw = live and (may_propose or rights.may(person, exposure.DECIDES, found.jurisdiction))
    (line,) = exposure.printed([found])
    corrections = found.corrections.order_by("proposed_at").values_list("pk", "proposed_at")
    context = {
        "shown": _shown([found], now)[0],
        "line": line,
        "mark": exposure.mark_of(found),
        "refusal": refusal,
        "why_not": exposure.why_not_decide(person, found) if proposed else "",
        "proposed": proposed,
        "reply": given.get("reply") or (ReplyForm(of=found) if live and may_propose else None),
        "refuse": given.get("refuse") or ReasonForm(step="refuse"),
        "withdraw": (given.get("withdraw") or ReasonForm(step="withdraw")) if may_withdraw else None,
        "corrects_url": _corrects_url(found) if found.state == ExposureState.APPROVED and may_propose else "",
        "corrections": list(corrections),
        "is_public": found.state == ExposureState.APPROVED and found.expires_on >= timezone.localdate(now),
    }
    return render(request, "patrol/exposure.html", context, status=status)


def _corrects_url(found: Exposure) -> str:
    return reverse("patrol:exposure_propose", args=[found.visit_id]) + f"?corrects={found.pk}"


Step = Callable[[StaffRequest, Exposure], tuple[forms.Form | None, Callable[[Mapping[str, Any]], Any]]]


def _reply(request: StaffRequest, found: Exposure) -> Any:
    def take(typed: Mapping[str, Any]) -> None:
        exposure.record_reply(
            by=request.user, now=clock.now(), exposure_id=found.pk, stand=typed["stand"], words=typed["words"]
        )

    return ReplyForm(request.POST, of=found), take


def _approve(request: StaffRequest, found: Exposure) -> Any:
    def take(_typed: Mapping[str, Any]) -> None:
        exposure.approve_exposure(
            by=request.user, now=clock.now(), exposure_id=found.pk, seen=request.POST.get("seen", "")
        )

    return None, take


def _refuse(request: StaffRequest, found: Exposure) -> Any:
    def take(typed: Mapping[str, Any]) -> None:
        exposure.refuse_exposure(
            by=request.user, now=clock.now(), exposure_id=found.pk, reason=typed["reason"],
            seen=request.POST.get("seen", ""),
        )  # fmt: skip

    return ReasonForm(request.POST, step="refuse"), take


def _withdraw(request: StaffRequest, found: Exposure) -> Any:
    def take(typed: Mapping[str, Any]) -> None:
        exposure.withdraw_exposure(by=request.user, now=clock.now(), exposure_id=found.pk, reason=typed["reason"])

    return ReasonForm(request.POST, step="withdraw"), take


STEPS: dict[str, tuple[Step, Promise]] = {
    "reply": (_reply, gettext_lazy("The reply is written down.")),
    "approve": (_approve, gettext_lazy("Approved; anybody may read it now.")),
    "refuse": (_refuse, gettext_lazy("Refused.")),
    "withdraw": (_withdraw, gettext_lazy("Withdrawn.")),
}


def step(name: str) -> Callable[..., HttpResponseBase]:
    """The view that takes one of the steps; a refusal stands on the page."""
    begin, words = STEPS[name]

    @require_POST
    @person_who(exposure.SEES)
    def take_step(request: StaffRequest, exposure_id: uuid.UUID) -> HttpResponse:
        found = exposure.exposure_for(request.user, exposure_id)
        form, take = begin(request, found)
        if form is not None and not form.is_valid():
            return _one(request, found, bound={name: form}, status=400)
        try:
            take(form.cleaned_data if form is not None else {})
        except DubanError as refusal:
            found = exposure.exposure_for(request.user, exposure_id)
            if form is not None and refusal.field in form.fields:
                refuse(form, refusal)
                return _one(request, found, bound={name: form}, status=refusal.status)
            return _one(request, found, refusal=refusal, status=refusal.status)
        messages.success(request, str(words))
        return redirect("patrol:exposure", exposure_id)

    return take_step


# ---- for anybody ----------------------------------------------------------------------------------------------------


@require_safe
def exposed(request: HttpRequest) -> HttpResponse:
    """What is exposed now, by town."""
    lines = exposure.printed(exposure.shown(clock.now()))
    towns: dict[tuple[str, str], list[exposure.Printed]] = {}
    for line in sorted(lines, key=lambda line: line.town):
        towns.setdefault((line.town, line.town_name), []).append(line)
    context = {"section": "exposed", "towns": list(towns.items()), "count": len(lines)}
    response = render(request, "patrol/exposed.html", context)
    response.headers["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Accept-Language", "Cookie"])
    return response


@require_GET
def exposed_data(_request: HttpRequest) -> JsonResponse:
    """The same as open data, in both languages."""
    response = JsonResponse({"exposed": public_lines(clock.now())}, json_dumps_params={"ensure_ascii": False})
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "no-cache"
    return response


def public_lines(now: datetime) -> list[dict[str, Any]]:
    """What is exposed now, as other programs read it; days are ISO 8601."""
    return [
        {
            "id": str(line.id),
            "venue": line.venue,
            "kind": {"zh": line.kind, "en": line.kind_en},
            "town": {"code": line.town, "name": line.town_name},
            "visited_on": line.visited_on,
            "problems": line.problems,
            "stand": line.stand,
            "approved_on": line.approved_on,
            "expires_on": line.expires_on,
            "corrects": str(line.corrects) if line.corrects else None,
        }
        for line in exposure.printed(exposure.shown(now))
    ]


urls = [
    path("exposed/", exposed, name="exposed"),
    path("exposed.json", exposed_data, name="exposed_data"),
    path("exposures/", exposures, name="exposures"),
    path("exposures/propose/<uuid:finished_id>/", propose, name="exposure_propose"),
    path("exposures/<uuid:exposure_id>/", one, name="exposure"),
    *(path(f"exposures/<uuid:exposure_id>/{name}/", step(name), name=f"exposure_{name}") for name in STEPS),
]
