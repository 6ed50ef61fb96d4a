"""What a household's invitation opens, without an account: the votes of its neighbours, and one vote for each of them.

The address holds the secret: the page is kept by no cache and found by no search engine, and `core.quiet` keeps the
secret out of logs.
"""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_safe

from duban.commons.deliberation.queries import full_name
from duban.commons.guests import count_try, kept_private, require_patience
from duban.commons.models import Household, Vote, Voted
from duban.commons.voting import actions, queries, words
from duban.commons.voting.outcome import ABSTAIN
from duban.core import clock
from duban.core.errors import DubanError, NotFound

SHOWN = 20


def opened(request: HttpRequest, invitation: str) -> Household:
    """Whose invitation it is. Raises NotFound (`invitation_not_found`), TooMany (`too_many_tries`) for who guesses."""
    require_patience(request, "invitation")
    try:
        return queries.household_of(invitation)
    except NotFound:
        count_try(request, "invitation")
        raise


@require_safe
def my_votes(request: HttpRequest, invitation: str) -> HttpResponse:
    """The votes that wait for the household; where there is just one, that one at once."""
    household, now = opened(request, invitation), clock.now()
    votes = list(queries.votes_of(household)[:SHOWN])
    done = set(Voted.objects.filter(household=household, vote__in=votes).values_list("vote", flat=True))
    waiting = [vote for vote in votes if words.state_of(vote, now) == words.OPEN and vote.pk not in done]
    if len(waiting) == 1 and not request.GET.get("all"):
        return kept_private(redirect("neighbours:cast", invitation, waiting[0].pk))
    context = {
        "invitation": invitation,
        "household": household,
        "place": full_name(household.place),
        "waiting": waiting,
        "others": [(vote, vote.pk in done) for vote in votes if vote not in waiting],
    }
    return kept_private(render(request, "neighbours/vote_mine.html", context))


@require_http_methods(["GET", "HEAD", "POST"])
def cast(request: HttpRequest, invitation: str, asked: uuid.UUID) -> HttpResponse:
    """One vote: choose, see once more what was chosen, done. What a household chose is not shown again."""
    household, now = opened(request, invitation), clock.now()
    vote = queries.vote_of(household, asked)
    choice, refusal = request.POST.get("choice", ""), None
    if request.method == "POST":
        try:
            if request.POST.get("sure"):
                actions.cast_vote(household=household, now=now, vote_id=vote.pk, choice=choice)
                return kept_private(redirect(f"{request.path}?thanks=1"))
            if choice not in dict(words.options_of(vote)):
                raise actions.bad_choice()
        except DubanError as error:
            if error.code != "voted_already":
                refusal = error
    return _show(request, invitation, household, vote, refusal)


def _show(
    request: HttpRequest, invitation: str, household: Household, vote: Vote, refusal: DubanError | None
) -> HttpResponse:
    now = clock.now()
    options = words.options_of(vote)
    choice = request.POST.get("choice", "") if refusal is None else ""
    voted = Voted.objects.filter(vote=vote, household=household).exists()
    context = {
        "invitation": invitation,
        "household": household,
        "place": full_name(household.place),
        "vote": vote,
        "state": words.state_of(vote, now),
        "voted": voted,
        "thanks": voted and bool(request.GET.get("thanks")),
        "again": voted and request.method == "POST",
        "options": [(key, label) for key, label in options if key != ABSTAIN],
        "abstain": dict(options)[ABSTAIN],
        "abstain_key": ABSTAIN,
        "chosen": (choice, dict(options)[choice]) if choice in dict(options) and not voted else None,
        "secrecy": words.secrecy_of(vote),
        "rules": words.rules_of(vote),
        "more": queries.votes_of(household).exclude(pk=vote.pk).exists(),
        "refusal": refusal,
    }
    return kept_private(
        render(request, "neighbours/vote_cast.html", context, status=refusal.status if refusal else 200)
    )


urls = [
    path("vote/<str:invitation>/", my_votes, name="my_votes"),
    path("vote/<str:invitation>/<uuid:asked>/", cast, name="cast"),
]
