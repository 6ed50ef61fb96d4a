"""A report read in the browser: pasted or sent, its drafts beside the words they came from, accepted one by one."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import get_language, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.bulletin import notice_tasks, notices
from duban.bulletin.notice_files import NAMES, BadNotice, check_size, checked_text, is_short
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, NeededFile, NumberField, refuse
from duban.engines.notice import DECISION, UNSURE
from duban.ledger import jobs
from duban.ledger.categories import UnknownCategory, category_index, find_category
from duban.ledger.forms import MomentField, category_choices
from duban.ledger.recording import RECORDS, Finding
from duban.places import queries as places

SHOWN = 400
"""So many drafts stand on one page."""
WAIT = timedelta(seconds=10)
REMEMBERED = 10
"""So many of somebody's reports are listed where the next one is sent."""
SHOWS = {
    "": pgettext_lazy("drafts", "all"),
    "open": pgettext_lazy("drafts", "still to accept"),
    "doubtful": pgettext_lazy("drafts", "to be looked at twice"),
}
KINDS = {
    "site": pgettext_lazy("draft", "place"),
    "finding": pgettext_lazy("draft", "finding"),
    "decision": pgettext_lazy("draft", "order"),
    "risk_area": pgettext_lazy("draft", "risk area"),
    "figure": pgettext_lazy("draft", "figure"),
}
ARTICLES = {
    "meeting": pgettext_lazy("article", "a meeting"),
    "inspection": pgettext_lazy("article", "an inspection"),
    "hygiene": pgettext_lazy("article", "places on the ledger"),
    "organisations": pgettext_lazy("article", "organisations"),
    "risk_areas": pgettext_lazy("article", "risk areas"),
    "other": pgettext_lazy("article", "other news"),
}


class NoticeForm(forms.Form):
    use_required_attribute = False

    text = forms.CharField(
        label=gettext_lazy("The text"), required=False, widget=forms.Textarea(attrs={"rows": 14}), strip=False
    )
    file = NeededFile(
        label=gettext_lazy("Or a file"),
        required=False,
        allow_empty_file=True,
        widget=forms.ClearableFileInput(attrs={"accept": ",".join(NAMES)}),
    )


class PlaceForm(forms.Form):
    """What a place or finding of a report needs to become an entry."""

    use_required_attribute = False

    category = NeededField(label=gettext_lazy("What is it?"), widget=forms.Select)
    statement = forms.CharField(label=gettext_lazy("The place in words"), required=False, max_length=300)
    description = forms.CharField(
        label=gettext_lazy("In words"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    jurisdiction = forms.CharField(label=gettext_lazy("Unit, by its code"), required=False, max_length=15)
    found_at = MomentField(label=gettext_lazy("Found"), required=False)
    lon = NumberField(
        label=gettext_lazy("Longitude"), missing=gettext_lazy("Say where it is: click the map, or type the numbers.")
    )
    lat = NumberField(label=gettext_lazy("Latitude"))

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.fields["category"].widget.choices = [("", _("choose")), *category_choices()]

    def clean_category(self) -> Any:
        try:
            return find_category(self.cleaned_data["category"], category_index())
        except UnknownCategory as refusal:
            raise ValidationError(str(refusal.message), code=refusal.code) from refusal


class OrderForm(forms.Form):
    """What an order of a report needs to become a decision."""

    use_required_attribute = False

    meeting = NeededField(label=gettext_lazy("Meeting"), widget=forms.Select)
    text = NeededField(label=gettext_lazy("What was decided"), widget=forms.Textarea(attrs={"rows": 4}))
    jurisdiction = forms.CharField(label=gettext_lazy("Area, by its code"), required=False, max_length=15)


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(*notices.READS)
def start(request: StaffRequest) -> HttpResponse:
    """Take a text or a file in, and read it."""
    form, status = NoticeForm(), 200
    if request.method == "POST":
        form, status = NoticeForm(request.POST, request.FILES), 400
        if form.is_valid():
            try:
                return redirect("bulletin:notice", _take_in(request, form).id)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
    sent = [one for one in request.session.get("notices", ()) if (jobs.imports_folder() / one["id"]).is_dir()]
    return render(request, "bulletin/notice_start.html", {"form": form, "sent": sent}, status=status)


def _take_in(request: StaffRequest, form: NoticeForm) -> jobs.Job:
    sent: UploadedFile | None = form.cleaned_data["file"]
    pasted: str = form.cleaned_data["text"]
    if sent is None:
        if not pasted.strip():
            raise BadNotice("notice_empty", _("Paste a text or choose a file first."), field="text")
        checked_text(pasted, field="text")
        sent = SimpleUploadedFile(_name_of(pasted), pasted.encode("utf-8", "replace"))
    elif pasted.strip():
        raise BadNotice("notice_both", _("Send a text or a file; here are both. Empty one of them."), field="text")
    check_size(sent.size or 0)
    job = jobs.make_job(
        by=request.user, now=clock.now(), language=get_language() or "zh-hans", table=sent, kind=notice_tasks.KIND
    )
    if not is_short(job.table()):
        notice_tasks.read_later.enqueue(job.id)
    elif (job := notice_tasks.read_job(job.id)).stage == "failed":
        # What is wrong with the file belongs at its field, not on a page of its own.
        raise BadNotice(job.error["code"], job.error["message"], field="file" if form.cleaned_data["file"] else "text")
    request.session["notices"] = [{"id": job.id, "name": job.name}, *request.session.get("notices", ())][:REMEMBERED]
    return job


def _name_of(pasted: str) -> str:
    """The first words of a pasted text, as a name to find it by."""
    words = " ".join(pasted.strip().splitlines()[0].lstrip("#").split())
    return words[:40].replace("/", "／").replace("\\", "＼").strip(".。 ") or _("pasted text")


@require_safe
@person_who(*notices.READS)
def reading(request: StaffRequest, notice_id: uuid.UUID) -> HttpResponse:
    """The drafts of a report beside its text; while it is being read, how far that is."""
    now = clock.now()
    job = jobs.job_for(request.user, notice_id, notice_tasks.KIND)
    context: dict[str, Any] = {
        "job": job,
        "silent": job.is_silent(now),
        "no_worker": job.is_running and not job.started and now - datetime.fromisoformat(job.seen_at) > WAIT,
        "step": {"text": _("taking the text out"), "places": _("reading, and looking up the places")}.get(
            job.step, _("waiting for its turn")
        ),
    }
    if job.stage == "taken":
        context |= _read(request, job)
    if request.htmx and job.is_running:
        return render(request, "bulletin/parts/notice_progress.html", context)
    response = render(request, "bulletin/notice.html", context)
    if request.htmx:
        # The piece of progress asked; what came of it is a page.
        response.headers["HX-Refresh"] = "true"
    return response


def _read(request: StaffRequest, job: jobs.Job) -> dict[str, Any]:
    report = job.report
    drafts = [draft for article in report["articles"] for draft in article["drafts"]]
    accepted = notices.accepted_of(job.id, drafts)
    show = request.GET.get("show", "")
    doubtful = {draft["number"] for draft in drafts if draft["confidence"] < UNSURE}
    numbers = {draft["number"] for draft in drafts[:SHOWN]}
    open_now = {draft["number"] for draft in drafts[:SHOWN] if draft["kind"] in notices.ACCEPTED} - accepted.keys()
    listed = {"open": open_now, "doubtful": (numbers & doubtful) - accepted.keys()}
    wanted = listed.get(show, numbers)
    can = {
        "place": bool(rights.codes(request.user, RECORDS)),
        "order": bool(rights.codes(request.user, notices.decisions.RECORDS)),
    }
    articles = []
    for article in report["articles"]:
        shown = [
            draft
            | {
                "word": KINDS[draft["kind"]],
                "unsure": draft["number"] in doubtful,
                "sure": round(100 * draft["confidence"]),
                "accepted": accepted.get(draft["number"], ""),
                "may": draft["kind"] in notices.ACCEPTED and can["order" if draft["kind"] == DECISION else "place"],
                "words": " ".join(draft["text"].split()),
            }
            for draft in article["drafts"]
            if draft["number"] in wanted
        ]
        if shown or wanted == numbers:
            articles.append(article | {"drafts": shown, "word": ARTICLES[article["kind"]]})
    chips = [(word, key, len(listed.get(key, numbers))) for key, word in SHOWS.items()]
    return {
        "articles": articles,
        "pieces": [(piece, _look(piece, accepted, doubtful)) for piece in notices.pieces_of(report, SHOWN)],
        "many": len(drafts),
        "left_out": max(0, len(drafts) - SHOWN),
        "doubtful": len(listed["doubtful"]),
        "done": len(accepted),
        "chips": chips,
        "show": show if show in SHOWS else "",
        "wanted": wanted,
    }


def _look(piece: notices.Piece, accepted: dict[int, str], doubtful: set[int]) -> str:
    """How drafts' words are marked: as what was found; taken where all of it was accepted, unsure where a draft is."""
    if all(number in accepted for number in piece.drafts):
        return f"of-{piece.kind} taken"
    return f"of-{piece.kind} unsure" if doubtful & set(piece.drafts) - accepted.keys() else f"of-{piece.kind}"


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(*notices.READS)
def accept(request: StaffRequest, notice_id: uuid.UUID, draft: int) -> HttpResponse:
    """One draft on its way onto the ledger or into a meeting's decisions: looked over, mended, recorded."""
    job = jobs.job_for(request.user, notice_id, notice_tasks.KIND)
    found = notices.draft_in(job.report, draft)
    if request.method != "POST" and notices.accepted_of(job.id, [found]):
        messages.info(request, _("This draft was accepted already."))
        return _back(job, found)
    if found["kind"] == DECISION:
        return _accept_order(request, job, found)
    return _accept_place(request, job, found)


def _accept_place(request: StaffRequest, job: jobs.Job, draft: dict[str, Any]) -> HttpResponse:
    now = clock.now()
    unit = draft["jurisdiction"] if draft["confidence"] >= UNSURE else None
    point = notices.points_for([unit["code"]]).get(unit["code"]) if unit else None
    category = notices.category_for(draft)
    first = {
        "category": f"event:{category}" if f"event:{category}" in dict(category_choices()) else "",
        "statement": notices.statement_for(draft),
        "description": notices.description_for(draft),
        "jurisdiction": unit["code"] if unit else "",
        "found_at": now,
        "lon": f"{point[0]:.6f}" if point else "",
        "lat": f"{point[1]:.6f}" if point else "",
    }
    form, status = PlaceForm(initial=first), 200
    if request.method == "POST":
        form, status = PlaceForm(request.POST, initial=first), 400
        if form.is_valid():
            said = form.cleaned_data
            stands_for = point is not None and (f"{said['lon']:.6f}", f"{said['lat']:.6f}") == (
                first["lon"],
                first["lat"],
            )
            finding = Finding(
                id=notices.id_of(job.id, draft["number"]),
                category=said["category"],
                lon=said["lon"],
                lat=said["lat"],
                datum="wgs84",
                found_at=said["found_at"] or now,
                description=said["description"],
                position_source="statement" if stands_for else "map",
                accuracy_m=point[2] if point and stands_for else None,
                statement=said["statement"],
                jurisdiction=said["jurisdiction"],
            )
            try:
                done = notices.accept_place(by=request.user, now=now, finding=finding)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("Recorded as %(number)s.") % {"number": done.entry.number})
                return _back(job, draft)
    code = str(form["jurisdiction"].value() or "")
    context = {
        "job": job,
        "draft": draft,
        "word": KINDS[draft["kind"]],
        "words": " ".join(draft["text"].split()),
        "form": form,
        "unsure": draft["confidence"] < UNSURE,
        "unit": places.names([code]).get(code, ""),
        "around": point,
        "metres": round(point[2]) if point else 0,
    }
    return render(request, "bulletin/notice_accept.html", context, status=status)


def _accept_order(request: StaffRequest, job: jobs.Job, draft: dict[str, Any]) -> HttpResponse:
    meetings = notices.meetings_of(request.user)
    numbered = next((one for one in meetings if one.number == draft["value"]), None)
    unit = draft["jurisdiction"] if draft["confidence"] >= UNSURE else None
    first = {
        "meeting": str(numbered.pk) if numbered else "",
        "text": "".join(draft["text"].split()),
        "jurisdiction": unit["code"] if unit else (numbered.body.jurisdiction if numbered else ""),
    }
    form, status = OrderForm(initial=first), 200
    if request.method == "POST":
        form, status = OrderForm(request.POST, initial=first), 400
    choices = [
        (str(one.pk), _("%(body)s, No. %(number)s") % {"body": one.body, "number": one.number}) for one in meetings
    ]
    form.fields["meeting"].widget.choices = [("", _("choose")), *choices]
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        chosen = next((one for one in meetings if str(one.pk) == said["meeting"]), None)
        try:
            if chosen is None:
                raise notices.BadDraft("meeting_missing", _("Choose the meeting that decided this."), field="meeting")
            notices.accept_order(
                by=request.user,
                now=clock.now(),
                meeting_id=chosen.pk,
                decision_id=notices.id_of(job.id, draft["number"]),
                text=said["text"],
                jurisdiction=said["jurisdiction"] or chosen.body.jurisdiction,
            )
        except DubanError as refusal:
            refuse(form, refusal)
            status = refusal.status
        else:
            messages.success(request, _("Recorded as a decision of the meeting."))
            return _back(job, draft)
    context = {
        "job": job,
        "draft": draft,
        "word": KINDS[draft["kind"]],
        "words": " ".join(draft["text"].split()),
        "form": form,
        "order": True,
        "meetings": meetings,
    }
    return render(request, "bulletin/notice_accept.html", context, status=status)


def _back(job: jobs.Job, draft: dict[str, Any]) -> HttpResponse:
    return redirect(reverse("bulletin:notice", args=[job.id]) + f"#draft-{draft['number']}")


urls = [
    path("notices/", start, name="notice_start"),
    path("notices/<uuid:notice_id>/", reading, name="notice"),
    path("notices/<uuid:notice_id>/<int:draft>/", accept, name="notice_accept"),
]
