"""Paper ballots: printed for who has no phone, counted by one person, and again by another who sees no first count."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.commons.deliberation.queries import full_name
from duban.commons.models import PaperCount, Vote
from duban.commons.voting import actions, queries, words
from duban.commons.voting.actions import MANAGES
from duban.commons.voting.printed import print_ballots
from duban.commons.voting.shown import show_vote
from duban.core import clock
from duban.core.errors import DubanError

MOST_DIGITS = 5


def read_doors(text: str) -> list[str]:
    """What somebody typed or pasted: doors between blanks, commas or lines."""
    for separator in ",，;；、":
        text = text.replace(separator, " ")
    return text.split()


def _counts(request: StaffRequest, vote: Vote) -> dict[str, int]:
    """How many of each answer; an empty field is 0, what is no number the action refuses."""
    found = {}
    for key, _label in words.options_of(vote):
        text = request.POST.get(f"count-{key}", "").strip()
        sound = text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS
        found[key] = int(text) if sound else -1 if text else 0
    return found


@require_safe
@person_who(MANAGES)
def ballot_pdf(request: StaffRequest, vote_id: uuid.UUID) -> HttpResponse:
    """Sheets of ballots to print and cut, two to a page."""
    vote = queries.vote_for(request.user, vote_id)
    rights.require(request.user, MANAGES, vote.topic.jurisdiction)
    response = HttpResponse(print_ballots(vote, clock.now()), content_type="application/pdf")
    response.headers["Content-Disposition"] = 'inline; filename="ballot.pdf"'
    return response


@require_POST
@person_who(MANAGES)
def enter(request: StaffRequest, vote_id: uuid.UUID) -> HttpResponse:
    """The first count."""
    vote = queries.vote_for(request.user, vote_id)
    try:
        actions.enter_paper(
            by=request.user,
            now=clock.now(),
            vote_id=vote.pk,
            doors=read_doors(request.POST.get("doors", "")),
            counts=_counts(request, vote),
            paper_id=_paper_key(request.POST.get("id", "")),
        )
    except DubanError as refusal:
        if refusal.status in {403, 404}:
            raise
        return show_vote(request, vote, refusal)
    messages.success(request, _("The count is kept. Now somebody else counts the same ballots again."))
    return redirect("commons:vote", vote.pk)


def _paper_key(told: str) -> uuid.UUID:
    try:
        return uuid.UUID(told)
    except ValueError as error:
        raise actions.BadVote("bad_id", _("Load the page anew, then send again.")) from error


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MANAGES)
def check_page(request: StaffRequest, paper_id: uuid.UUID) -> HttpResponse:
    """The second count, by somebody else and without the numbers of the first."""
    paper = queries.paper_for(request.user, paper_id)
    rights.require(request.user, MANAGES, paper.vote.topic.jurisdiction)
    if request.method != "POST":
        return _check_page(request, paper)
    try:
        checked = actions.check_paper(
            by=request.user, now=clock.now(), paper_id=paper.pk, counts=_counts(request, paper.vote)
        )
    except DubanError as refusal:
        return _check_page(request, paper, refusal)
    if checked.checked_at is None:
        messages.warning(
            request,
            _("You counted something else than the first person. Count once more, or throw this count away."),
        )
        return redirect("commons:check_paper", paper.pk)
    messages.success(request, _("Both counts agree; these ballots are in."))
    return redirect("commons:vote", paper.vote_id)


def _check_page(request: StaffRequest, paper: PaperCount, refusal: DubanError | None = None) -> HttpResponse:
    vote = paper.vote
    context = {
        "paper": paper,
        "vote": vote,
        "place": full_name(vote.topic.place),
        "mine": paper.entered_by.get("username") == request.user.username,
        "options": [(key, label, request.POST.get(f"count-{key}", "")) for key, label in words.options_of(vote)],
        "refusal": refusal,
    }
    return render(request, "commons/voting_paper.html", context, status=refusal.status if refusal else 200)


@require_POST
@person_who(MANAGES)
def discard(request: StaffRequest, paper_id: uuid.UUID) -> HttpResponse:
    """Throw the count away; both count anew."""
    paper = queries.paper_for(request.user, paper_id)
    actions.discard_paper(by=request.user, now=clock.now(), paper_id=paper.pk)
    messages.success(request, _("The count is thrown away."))
    return redirect("commons:vote", paper.vote_id)


urls = [
    path("votes/<uuid:vote_id>/ballot.pdf", ballot_pdf, name="ballot"),
    path("votes/<uuid:vote_id>/papers/", enter, name="enter_paper"),
    path("votes/papers/<uuid:paper_id>/", check_page, name="check_paper"),
    path("votes/papers/<uuid:paper_id>/discard/", discard, name="discard_paper"),
]
