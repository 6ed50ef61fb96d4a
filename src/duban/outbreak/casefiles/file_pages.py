"""One person's file: the days of it, why they are followed, what they need, and what can be done with it."""

import uuid
from collections.abc import Callable
from datetime import date, datetime

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.outbreak.casefiles import actions, dossier, notes, tasks
from duban.outbreak.casefiles.arrivals import code_of_stay, moment_of
from duban.outbreak.casefiles.identity import facts_of
from duban.outbreak.casefiles.matching import BadFile
from duban.outbreak.casefiles.queries import SEES, file_for, file_not_found, files_for, own_and_merged
from duban.outbreak.measures.release import conditions
from duban.outbreak.measures.todo import finish_tasks
from duban.outbreak.models import (
    CaseFile,
    ContactHow,
    ContactNote,
    FileState,
    Ground,
    Need,
    NeedKind,
    NoMeasure,
)
from duban.outbreak.protection.visibility import FACTS as VISIBLE
from duban.outbreak.protection.visibility import looked_recently, open_file, sees, shown
from duban.outbreak.store import stored
from duban.places import queries as places

FACTS = {
    "name": gettext_lazy("Name"),
    "id_number": gettext_lazy("ID number"),
    "phone": gettext_lazy("Phone"),
    "birth_date": gettext_lazy("Date of birth"),
    "stay_address": gettext_lazy("Address"),
    "from_place": gettext_lazy("Came from"),
}
EVENTS = {
    "opened": gettext_lazy("file opened"),
    "reached": gettext_lazy("reached"),
    "isolated": gettext_lazy("isolated"),
    "confirmed": gettext_lazy("confirmed as a case"),
    "closed": gettext_lazy("file closed"),
    "released": gettext_lazy("released"),
    "release_revoked": gettext_lazy("release taken back"),
}
NOTES_SHOWN = 30
Handler = Callable[[StaffRequest, datetime, uuid.UUID, QueryDict], str]


@require_safe
@never_cache
@person_who(SEES)
def file_page(request: StaffRequest, file_id: uuid.UUID) -> HttpResponse:
    """The file. The address of a merged one leads to the one that it is in."""
    file = file_for(request.user, file_id)
    if file.pk != file_id:
        return redirect("outbreak:file", file.pk)
    return _file_page(request, file)


def _file_page(request: StaffRequest, file: CaseFile, refusal: DubanError | None = None) -> HttpResponse:
    person, now = request.user, clock.now()
    today = timezone.localtime(now).date()
    ids = own_and_merged(file)
    looked = looked_recently(person, file, now)
    facts = shown(person, file, facts_of(file), looked=looked)
    days = dossier.days_of(file, ids)
    sees_why = sees(person, file, "exposures")
    edits = _covers(person, actions.EDITS, file)
    is_open = file.state == FileState.OPEN
    names = places.names({file.town, file.stay, file.office})
    candidates = dossier.candidates_for(person, file, ids) if edits else []
    others = [*candidates, *dossier.household_of(person, file)]
    masked = {one.pk: shown(person, one, facts_of(one)) for one in others}
    context = {
        "file": file,
        "is_open": is_open,
        "state": FileState(file.state).label,
        "measure": dossier.measure_word(file),
        "town": names.get(file.town, file.town),
        "stay": names.get(file.stay, file.stay),
        "facts": [(word, value) for name, word in FACTS.items() if (value := getattr(facts, name))],
        "name": facts.name,
        "looked": looked,
        "today": today,
        "days": [(day, _when(day.on, today)) for day in days],
        "events": EVENTS,
        "acts": dossier.acts_now(days, today) if is_open and _covers(person, "act.do", file) else [],
        "conditions": conditions(file, now) if is_open else [],
        "reasons": dossier.reasons_of(person, ids) if sees_why else [],
        "sees_why": sees_why,
        "needs": [
            (need, notes.words_of(need)) for need in Need.objects.filter(file__in=ids).order_by("ended_at", "since")
        ],
        "notes": [(note, notes.words_of(note)) for note in ContactNote.objects.filter(file__in=ids)[:NOTES_SHOWN]],
        "candidates": [(one, masked[one.pk]) for one in candidates],
        "household": [(one, masked[one.pk]) for one in others[len(candidates) :]],
        "merged": dossier.merged_here(file) if edits else [],
        "may_edit": edits,
        "may_correct": edits and looked.issuperset(VISIBLE),
        "may_note": is_open and _covers(person, notes.CONTACTS, file),
        "may_release": is_open and _covers(person, "file.release", file),
        "may_trace": edits and file.confirmed_at is not None and rights.may(person, "file.open", file.office),
        "refusal": refusal,
        "posted": request.POST if refusal else QueryDict(),
        "grounds": Ground.choices,
        "hows": ContactHow.choices,
        "need_kinds": NeedKind.choices,
        "closes": [(NoMeasure(one).value, NoMeasure(one).label) for one in actions.CLOSES],
    }
    status = refusal.status if refusal else 200
    return render(request, "outbreak/casefiles/file.html", context, status=status)


def _when(on: date, today: date) -> str:
    """How a day lies to today: past, today or ahead."""
    return "past" if on < today else "today" if on == today else "ahead"


def _covers(person: Person, permission: str, file: CaseFile) -> bool:
    return any(rights.may(person, permission, code) for code in (file.office, file.town, file.stay))


# ---- what can be done -----------------------------------------------------------------------------------------------


def _finish(request: StaffRequest, now: datetime, file_id: uuid.UUID, told: QueryDict) -> str:
    task = told.get("task", "")
    file_for(request.user, file_id)
    finish_tasks(by=request.user, now=now, task_ids=[int(task)] if task.isascii() and task.isdecimal() else [0])
    return _("Done and written down.")


def _note(request: StaffRequest, now: datetime, file_id: uuid.UUID, told: QueryDict) -> str:
    notes.add_contact_note(
        by=request.user,
        now=now,
        file_id=file_id,
        how=told.get("how", ""),
        reached=told.get("reached") == "1",
        text=told.get("text", ""),
    )
    return _("Noted.")


def _need(request: StaffRequest, now: datetime, file_id: uuid.UUID, told: QueryDict) -> str:
    notes.add_need(by=request.user, now=now, file_id=file_id, kind=told.get("kind", ""), text=told.get("need_text", ""))
    return _("Noted.")


def _end_need(request: StaffRequest, now: datetime, file_id: uuid.UUID, told: QueryDict) -> str:
    notes.end_need(by=request.user, now=now, file_id=file_id, need_id=_number(told.get("need", "")))
    return _("Noted.")


def _withdraw(request: StaffRequest, now: datetime, file_id: uuid.UUID, told: QueryDict) -> str:
    actions.withdraw_exposure(by=request.user, now=now, file_id=file_id, exposure_id=_number(told.get("exposure", "")))
    return _("The exposure is withdrawn; the plan was worked out anew.")


def _move(request: StaffRequest, now: datetime, file_id: uuid.UUID, told: QueryDict) -> str:
    text = told.get("stay", "").strip()
    code = code_of_stay(text)
    if not code:
        raise BadFile("unknown_place", _("No unit of the code list is called that; give its code."), field="stay")
    actions.move_file(by=request.user, now=now, file_id=file_id, stay=code)
    return _("The file and all that is due moved along.")


def _household(request: StaffRequest, now: datetime, file_id: uuid.UUID, told: QueryDict) -> str:
    notes.join_household(by=request.user, now=now, file_id=file_id, with_number=told.get("with", ""))
    return _("They are kept together from now on.")


def _merge(request: StaffRequest, now: datetime, file_id: uuid.UUID, told: QueryDict) -> str:
    """The other file into this one."""
    actions.merge_files(by=request.user, now=now, file_id=_key(told.get("other", "")), into_id=file_id)
    return _("The files are one; it can be taken back here.")


def _unmerge(request: StaffRequest, now: datetime, file_id: uuid.UUID, told: QueryDict) -> str:
    actions.unmerge_file(by=request.user, now=now, file_id=_key(told.get("other", "")))
    return _("The merge is taken back; each file goes on by itself.")


def _close(request: StaffRequest, now: datetime, file_id: uuid.UUID, told: QueryDict) -> str:
    actions.close_file(by=request.user, now=now, file_id=file_id, reason=told.get("reason", ""))
    return _("The file is closed.")


def _confirm(request: StaffRequest, now: datetime, file_id: uuid.UUID, told: QueryDict) -> str:
    onset, sampled = (
        moment_of(text) if (text := told.get(name, "").strip()) else None for name in ("onset", "sampled")
    )
    if sampled is None or (told.get("onset", "").strip() and onset is None):
        raise BadFile("bad_date", _("This is no date and time; write 2021-01-18 09:30."), field="sampled")
    actions.confirm_case(by=request.user, now=now, file_id=file_id, onset_at=onset, sampled_at=sampled)
    return _("Written down as a confirmed case; trace the contacts next.")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _key(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)


HANDLERS: dict[str, Handler] = {
    "finish": _finish,
    "note": _note,
    "need": _need,
    "end_need": _end_need,
    "withdraw": _withdraw,
    "move": _move,
    "household": _household,
    "merge": _merge,
    "unmerge": _unmerge,
    "close": _close,
    "confirm": _confirm,
}


def _seen(request: StaffRequest, file_id: uuid.UUID) -> CaseFile:
    """The very file, not the one it was merged into."""
    file = files_for(request.user).filter(pk=file_id).first()
    if file is None:
        raise file_not_found()
    return file


@require_POST
@never_cache
@person_who(SEES)
def change(request: StaffRequest, file_id: uuid.UUID) -> HttpResponse:
    """Do one of HANDLERS; what it refuses stands on the page, in the words of the action."""
    file = _seen(request, file_id)
    handler = HANDLERS.get(request.POST.get("do", ""))
    try:
        if handler is None:
            raise BadFile("unknown_act", _("There is nothing of that name to be done."))
        messages.success(request, handler(request, clock.now(), file_id, request.POST))
    except DubanError as refusal:
        return _file_page(request, file, refusal)
    if files_for(request.user).filter(pk=file_id).exists():
        return redirect("outbreak:file", file_id)
    return redirect("outbreak:files")


@require_POST
@never_cache
@person_who(SEES)
def look(request: StaffRequest, file_id: uuid.UUID) -> HttpResponse:
    """Open who it is, with ground and purpose, for an hour."""
    file, told = _seen(request, file_id), request.POST
    try:
        open_file(
            by=request.user,
            now=clock.now(),
            file_id=file_id,
            ground=told.get("ground", ""),
            purpose=told.get("purpose", ""),
        )
    except DubanError as refusal:
        return _file_page(request, file, refusal)
    return redirect("outbreak:file", file_id)


@require_POST
@person_who("file.open")
def trace(request: StaffRequest, file_id: uuid.UUID) -> HttpResponse:
    """Trace the contacts of the confirmed case and open a file for each."""
    job = tasks.open_contact_files(
        by=request.user,
        now=clock.now(),
        language=get_language() or "zh-hans",
        file_id=file_id,
        presences=stored().rows,
    )
    return redirect("outbreak:files_opening", job.id)


urls = [
    path("files/<uuid:file_id>/", file_page, name="file"),
    path("files/<uuid:file_id>/change/", change, name="file_change"),
    path("files/<uuid:file_id>/look/", look, name="file_look"),
    path("files/<uuid:file_id>/trace/", trace, name="file_trace"),
]
