"""What is due to my people today: one list, one tap each, and a tap to take it back."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.cache import patch_vary_headers
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import NotFound
from duban.outbreak.casefiles.identity import Facts, facts_of_many
from duban.outbreak.desk import acts
from duban.outbreak.desk.acts import DOES, Counts, Wanted
from duban.outbreak.desk.days import BadQuestion, today
from duban.outbreak.desk.report import measures_on
from duban.outbreak.measures.release import RELEASES
from duban.outbreak.measures.todo import MAX_TASKS, finish_tasks, reopen_task, tasks_for
from duban.outbreak.measures.words import why_words
from duban.outbreak.models import Task, TaskKind, TaskState
from duban.outbreak.protection.visibility import sees, show_list
from duban.places import queries as places
from duban.places.codes import outermost

BUTTONS: dict[str, Promise] = {
    TaskKind.REACH: pgettext_lazy("an act that is done", "Reached"),
    TaskKind.ARRIVE: pgettext_lazy("an act that is done", "Brought"),
    TaskKind.TEST: pgettext_lazy("an act that is done", "Sampled"),
    TaskKind.VISIT: pgettext_lazy("an act that is done", "Visited"),
    TaskKind.REPORT: pgettext_lazy("an act that is done", "Asked"),
}
"""What the button of an act says, and what stands there once it is done. A release has a page of its own."""
SLOTS = {"am": gettext_lazy("morning"), "pm": gettext_lazy("evening")}


@dataclass(frozen=True)
class Row:
    """One act as the list shows it."""

    task: Task
    facts: Facts
    kind: str
    button: str
    slot: str
    measure: str
    days_late: int
    late: str
    file_url: str
    release_url: str
    why: str
    is_done: bool


# ---- the list -------------------------------------------------------------------------------------------------------


@require_safe
@person_who(DOES)
def today_page(request: StaffRequest) -> HttpResponse:
    """The acts that are due, the longest overdue first; chips by kind, a choice of places, pages by key."""
    now, person = clock.now(), request.user
    wanted = acts.read_wanted(person, request.GET, now=now)
    page = acts.page_of(wanted, request.GET.get("cursor", ""))
    counts = acts.counts_of(wanted)
    context = {
        "rows": rows_of(person, page.tasks, now=now),
        "counts": counts,
        "chips": _chips(wanted, counts),
        "places": _choices(person, wanted),
        "wanted": wanted,
        "later": _address(wanted, cursor=page.later) if page.later else "",
        "earlier": _address(wanted, cursor=page.earlier) if page.earlier else "",
        "here": request.get_full_path(),
        "undone": _last_done(person, request.GET),
    }
    return render(request, "outbreak/desk/today.html", context)


def rows_of(person: Person, tasks: Sequence[Task], *, now: datetime) -> list[Row]:
    """The acts with as much of the people as `person` may see; who sees a name is written down."""
    files = {task.file_id: task.file for task in tasks}
    facts = show_list(by=person, now=now, files=list(files.values()), facts=facts_of_many(files.values()))
    measures = measures_on(files.values(), today(now))
    return [_row(person, task, facts[task.file_id], measures.get(task.file_id, ""), today(now)) for task in tasks]


def _row(person: Person, task: Task, facts: Facts, measure: str, on: date) -> Row:
    may_release = rights.may(person, RELEASES, task.town)
    days_late = max((on - task.due_on).days, 0)
    return Row(
        task=task,
        facts=facts,
        kind=str(TaskKind(task.kind).label),
        button=str(BUTTONS.get(task.kind, "")),
        slot=str(SLOTS.get(task.slot, "")),
        measure=measure,
        days_late=days_late,
        late=ngettext("%(days)d day late", "%(days)d days late", days_late) % {"days": days_late} if days_late else "",
        file_url=file_url(task.file_id),
        release_url=reverse("outbreak:release", args=[task.file_id]) if may_release else "",
        why=why_words(task.why, grounds=sees(person, task.file, "exposures")),
        is_done=task.state == TaskState.DONE,
    )


def file_url(file_id: uuid.UUID) -> str:
    """The page of somebody's file."""
    return reverse("outbreak:file", args=[file_id])


def _address(wanted: Wanted, **changes: str) -> str:
    said = {"kind": wanted.kind, "place": wanted.place} | changes
    return f"?{urlencode({name: value for name, value in said.items() if value})}"


def _chips(wanted: Wanted, counts: Counts) -> list[tuple[str, int, str, bool]]:
    """(word, number, address, on) of every kind that is due, and of all."""
    chips = [(_("all"), counts.due, _address(wanted, kind=""), not wanted.kind)]
    numbers = dict(counts.kinds)
    for kind in TaskKind:
        if kind.value in numbers or kind.value == wanted.kind:
            address = _address(wanted, kind=kind.value)
            chips.append((str(kind.label), numbers.get(kind.value, 0), address, kind.value == wanted.kind))
    return chips


def _choices(person: Person, wanted: Wanted) -> list[tuple[str, str]]:
    """(code, name) of the places that the list can be narrowed to: the towns, and the communities of the one chosen."""
    scope = outermost(rights.codes(person, DOES))
    towns = [(unit.code, unit.name) for unit in places.counties_and_towns(scope) if len(unit.code) == acts.TOWN]
    chosen = wanted.place[: acts.TOWN] or (scope[0] if len(scope) == 1 else "")
    communities = [(unit.code, unit.name) for unit in places.children(chosen)] if len(chosen) == acts.TOWN else []
    found = towns + communities if len(towns) > 1 else communities
    if wanted.place and wanted.place not in dict(found):
        found.append((wanted.place, places.names([wanted.place]).get(wanted.place, wanted.place)))
    return found


# ---- one tap --------------------------------------------------------------------------------------------------------


@require_POST
@person_who(DOES)
def done(request: StaffRequest) -> HttpResponse:
    """Note that the ticked acts are done. One that was tapped comes back as a row that can be taken back."""
    now, keys = clock.now(), _keys(request.POST)
    finish_tasks(by=request.user, now=now, task_ids=keys)
    if request.htmx and len(keys) == 1:
        return _row_again(request, keys[0], now)
    return redirect(_back(request, keys))


@require_POST
@person_who(DOES)
def undo(request: StaffRequest) -> HttpResponse:
    """Take back that the acts were done."""
    now, keys = clock.now(), _keys(request.POST)
    for key in keys:
        reopen_task(by=request.user, now=now, task_id=key)
    if request.htmx and len(keys) == 1:
        return _row_again(request, keys[0], now)
    messages.success(request, _("Taken back: it is due again."))
    return redirect(_back(request, []))


def _keys(words: QueryDict) -> list[int]:
    """The ids that were sent; raises BadQuestion (`nothing_ticked`), NotFound (`task_not_found`) for what is none."""
    sent = words.getlist("task")[: MAX_TASKS + 1]
    if not sent:
        raise BadQuestion("nothing_ticked", _("Tick what is done first."), field="task")
    if not all(one.isascii() and one.isdecimal() and len(one) < 19 for one in sent):
        raise NotFound("task_not_found", _("There is no such act, or it is not yours to do."))
    return list(dict.fromkeys(int(one) for one in sent))


def _row_again(request: StaffRequest, key: int, now: datetime) -> HttpResponse:
    task = tasks_for(request.user).select_related("file").get(pk=key)
    row = rows_of(request.user, [task], now=now)[0]
    response = render(request, "outbreak/desk/parts/act.html", {"row": row, "here": request.POST.get("back", "")})
    patch_vary_headers(response, ["HX-Request"])
    return response


def _back(request: StaffRequest, keys: Sequence[int]) -> str:
    """The list as it was asked for, at its head, and there what was just done."""
    asked = QueryDict(request.POST.get("back", "").partition("?")[2])
    said = [(name, asked[name]) for name in ("kind", "place") if asked.get(name)]
    said += [("last", str(key)) for key in keys[: acts.PAGE]]
    return f"{reverse('outbreak:today')}?{urlencode(said)}" if said else reverse("outbreak:today")


def _last_done(person: Person, words: QueryDict) -> list[int]:
    """Of the acts that the address says were just done, those that can be taken back."""
    sent = [
        int(one) for one in words.getlist("last")[: acts.PAGE] if one.isascii() and one.isdecimal() and len(one) < 19
    ]
    if not sent:
        return []
    return list(tasks_for(person).filter(pk__in=sent, state=TaskState.DONE).order_by("pk").values_list("pk", flat=True))


urls = [
    path("today/", today_page, name="today"),
    path("today/done/", done, name="today_done"),
    path("today/undo/", undo, name="today_undo"),
]
