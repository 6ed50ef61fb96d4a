"""The page on which a person keeps, renames and deletes filters of their own."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from duban.core import clock
from duban.core.errors import DubanError
from duban.ledger.queries import SEEING
from duban.ledger.saved import delete_filter, rename_filter, save_filter, saved_filters
from duban.ledger.views import StaffRequest, person_who


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(*SEEING)
def saved(request: StaffRequest) -> HttpResponse:
    """All that one keeps; a POST keeps the question of one more address and goes back to it."""
    if request.method == "POST":
        name, query = request.POST.get("name", ""), request.POST.get("query", "")
        try:
            kept = save_filter(by=request.user, now=clock.now(), name=name, query=query)
        except DubanError as refusal:
            return _show(request, refusal, typed=name, query=query)
        messages.success(request, _("Kept as “%(name)s”.") % {"name": kept.name})
        return redirect(f"{reverse('ledger:list')}?{kept.query}")
    return _show(request)


@require_POST
@person_who(*SEEING)
def rename_saved(request: StaffRequest, filter_id: int) -> HttpResponse:
    name = request.POST.get("name", "")
    try:
        kept = rename_filter(by=request.user, now=clock.now(), filter_id=filter_id, name=name)
    except DubanError as refusal:
        return _show(request, refusal, typed=name, filter_id=filter_id)
    messages.success(request, _("It is called “%(name)s” now.") % {"name": kept.name})
    return redirect("ledger:saved")


@require_POST
@person_who(*SEEING)
def delete_saved(request: StaffRequest, filter_id: int) -> HttpResponse:
    name = delete_filter(by=request.user, now=clock.now(), filter_id=filter_id)
    messages.success(request, _("“%(name)s” is deleted.") % {"name": name})
    return redirect("ledger:saved")


def _show(
    request: StaffRequest,
    refusal: DubanError | None = None,
    *,
    typed: str = "",
    query: str | None = None,
    filter_id: int | None = None,
) -> HttpResponse:
    context = {
        "saved": saved_filters(request.user),
        "refusal": refusal,
        "typed": typed,
        "query": query,
        "wrong_id": filter_id,
    }
    return render(request, "ledger/saved.html", context, status=refusal.status if refusal else 200)
