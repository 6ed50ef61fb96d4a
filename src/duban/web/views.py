"""The public home, and the desk on which lies what waits for the person who opens it."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The latest bulletin, the map of what is published, a search, the list of bulletins."""
    return render(request, "web/home.html", {"section": "home"})


@require_safe
@login_required
def desk(request: HttpRequest) -> HttpResponse:
    """What waits for this person, most urgent first."""
    return render(request, "web/desk.html", {})
