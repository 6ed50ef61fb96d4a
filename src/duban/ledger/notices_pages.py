"""What a person was told of, entry by entry, and that they have read it."""

import uuid

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from duban.access.queries import names_of_people
from duban.core import clock
from duban.core.errors import NotFound
from duban.ledger import queries
from duban.ledger.lifecycle import State
from duban.ledger.notices import mark_read, page_of_notices, words_of
from duban.ledger.queries import SEEING
from duban.ledger.views import StaffRequest, person_who


@require_safe
@person_who(*SEEING)
def notices(request: StaffRequest) -> HttpResponse:
    """The unread, or with `all=1` everything, by entry and the newest first."""
    show_all = request.GET.get("all") == "1"
    before = _number(request.GET.get("before", ""))
    groups, older = page_of_notices(request.user, unread=not show_all, before=before)
    names = names_of_people({notice.by for group in groups for notice in group.notices})
    pictures = queries.pictures_of([group.entry.pk for group in groups])
    shown = [
        {
            "entry": group.entry,
            "word": State(group.entry.state).label,
            "unread": group.unread,
            "overdue": queries.is_overdue(group.entry, clock.now()),
            "picture": next(iter(pictures.get(group.entry.pk, ())), ""),
            "lines": [
                {"words": words_of(notice), "who": names[notice.by], "at": notice.at, "unread": notice.read_at is None}
                for notice in group.notices
            ],
            "newest": group.notices[0].pk,
        }
        for group in groups
    ]
    address = f"{reverse('ledger:notices')}?{'all=1&' if show_all else ''}before={older}"
    context = {
        "groups": shown,
        "show_all": show_all,
        "older": address if older else "",
        "newest": max((group.notices[0].pk for group in groups), default=None),
        "any_unread": any(one["unread"] for one in shown),
    }
    return render(request, "ledger/notices.html", context)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


@require_POST
@person_who(*SEEING)
def read(request: StaffRequest) -> HttpResponse:
    """Mark one entry's notices or all as read, up to the newest that the page showed."""
    entry_id, up_to = request.POST.get("entry", ""), _number(request.POST.get("up_to", ""))
    mark_read(by=request.user, now=clock.now(), entry_id=_entry_id(entry_id) if entry_id else None, up_to=up_to)
    return redirect(f"{reverse('ledger:notices')}{'?all=1' if request.POST.get('all') == '1' else ''}")


def _entry_id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise NotFound("entry_not_found", _("There is no such entry, or it is not yours to see.")) from error
