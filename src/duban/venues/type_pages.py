"""Types of venues: the built-in ones, and those that an administrator adds."""

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import refuse
from duban.venues import actions
from duban.venues.forms import TypeForm
from duban.venues.queries import types_by_key, visible_to
from duban.venues.types import built_in

TYPES = "venue.types"


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(TYPES)
def types(request: StaffRequest) -> HttpResponse:
    """All types with how many venues in sight are of each; the form adds one or names one of the office's own anew."""
    form, status = TypeForm(request.POST if request.method == "POST" else None), 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                kind = actions.write_type(by=request.user, now=clock.now(), **form.cleaned_data)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("The type %(name)s is there.") % {"name": kind})
                return redirect("venues:types")
    counts = dict(visible_to(request.user).order_by().values_list("kind").annotate(n=Count("pk")))
    lines = [(kind, counts.get(key, 0), key in built_in()) for key, kind in types_by_key().items()]
    return render(request, "venues/types.html", {"form": form, "lines": lines}, status=status)


@require_POST
@person_who(TYPES)
def remove(request: StaffRequest, type_key: str) -> HttpResponse:
    actions.remove_type(by=request.user, now=clock.now(), key=type_key)
    messages.success(request, _("The type is gone."))
    return redirect("venues:types")


urls = [
    path("types/", types, name="types"),
    path("types/<slug:type_key>/remove/", remove, name="remove_type"),
]
