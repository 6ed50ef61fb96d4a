"""Votes at the desk: making one, how many have voted by now, and the result with its reckoning once it is over."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.commons.deliberation.queries import full_name
from duban.commons.models import Vote, Voted, VoteRule
from duban.commons.voting import actions, household_pages, paper_pages, queries, words
from duban.commons.voting.actions import MANAGES, VoteRules
from duban.commons.voting.shown import show_vote
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, refuse
from duban.core.paging import page_of
from duban.core.tables import in_zone, parse_moment
from duban.core.text import folded

SEES = queries.SEES
PAGE = 50
RUNS = timedelta(days=7)
KINDS = (("", pgettext_lazy("votes", "all")), ("open", pgettext_lazy("votes", "open")),
         ("over", pgettext_lazy("votes", "to be counted")), ("closed", pgettext_lazy("votes", "counted")))  # fmt: skip


# ---- all votes ------------------------------------------------------------------------------------------------------


@require_safe
@person_who(SEES)
def votes_page(request: StaffRequest) -> HttpResponse:
    """Every vote of the person's area, the newest first."""
    now, show = clock.now(), request.GET.get("show", "")
    found = _of_kind(queries.votes_for(request.user), show, now)
    page = page_of(found, ("-opens_at", "-pk"), request.GET.get("cursor", ""), size=PAGE)
    turnout = dict(
        Voted.objects.filter(vote__in=[one.pk for one in page.rows]).values_list("vote").annotate(number=Count("pk"))
    )
    rows = [
        {"vote": one, "state": state, "word": words.state_word(state), "shape": words.SHAPES[state],
         "turnout": turnout.get(one.pk, 0)}
        for one in page.rows
        for state in [words.state_of(one, now)]
    ]  # fmt: skip
    links = {"earlier": page.earlier_link(show=show), "later": page.later_link(show=show)}
    context = {"rows": rows, "show": show, "kinds": KINDS, **links}
    return render(request, "commons/voting_list.html", context)


def _of_kind(found: QuerySet[Vote], show: str, now: datetime) -> QuerySet[Vote]:
    wanted = {
        "open": Q(closed_at=None, opens_at__lte=now, closes_at__gt=now),
        "over": Q(closed_at=None, closes_at__lte=now),
        "closed": Q(closed_at__isnull=False),
    }.get(show)
    return found if wanted is None else found.filter(wanted)


# ---- making one -----------------------------------------------------------------------------------------------------


class MomentField(NeededField):
    """A moment as a browser's field sends it, in the installation's zone."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"})

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        found = parse_moment(text)
        if found is None:
            raise forms.ValidationError(_("Give day and hour: 2021-01-20 18:00."), code="bad_times")
        return in_zone(found)


class VoteForm(forms.Form):
    """`id` is made before the first press, so that a second press is a replay and no second vote."""

    use_required_attribute = False

    id = forms.UUIDField(widget=forms.HiddenInput)
    question = NeededField(label=gettext_lazy("Question"), max_length=400)
    options = forms.CharField(
        label=gettext_lazy("Answers to choose from"),
        help_text=gettext_lazy("One a line, 2 to 12. Leave it empty for yes or no. “Abstain” is always there."),
        widget=forms.Textarea(attrs={"rows": 4}),
        required=False,
    )
    rule = forms.ChoiceField(label=gettext_lazy("What carries"), choices=VoteRule.choices)
    quorum_percent = forms.IntegerField(
        label=gettext_lazy("Households that must take part, per cent"), min_value=0, max_value=100, initial=50
    )
    secrecy = forms.ChoiceField(
        label=gettext_lazy("Open or secret"),
        choices=[
            ("open", gettext_lazy("Open: the office sees how each household votes")),
            ("secret", gettext_lazy("Secret: nobody ever sees it")),
        ],
        widget=forms.RadioSelect,
        initial="open",
    )
    abstentions_count = forms.BooleanField(
        label=gettext_lazy("Whoever abstains counts among those who take part"), required=False, initial=True
    )
    opens_at = MomentField(label=gettext_lazy("Opens"))
    closes_at = MomentField(label=gettext_lazy("Closes"))

    def __init__(self, data: Any = None, *, now: datetime):
        begins = timezone.localtime(now).replace(second=0, microsecond=0)
        until = (begins + RUNS).replace(hour=18, minute=0)
        shown = {"opens_at": f"{begins:%Y-%m-%dT%H:%M}", "closes_at": f"{until:%Y-%m-%dT%H:%M}"}
        super().__init__(data, initial={"id": uuid.uuid4(), **shown})

    def rules(self) -> VoteRules:
        said = self.cleaned_data
        lines = [line.strip() for line in said["options"].splitlines() if line.strip()]
        if len({folded(line) for line in lines}) != len(lines):
            raise actions.BadVote(
                "bad_options", _("Give 2 to 12 options, each with words of its own."), field="options"
            )
        return VoteRules(
            rule=said["rule"],
            quorum_percent=said["quorum_percent"],
            secret=said["secrecy"] == "secret",
            abstentions_count=said["abstentions_count"],
            options=tuple((f"option_{number}", line) for number, line in enumerate(lines, start=1)),
        )


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MANAGES)
def add_page(request: StaffRequest, topic_id: uuid.UUID) -> HttpResponse:
    """The question and its rules, which nobody changes afterwards."""
    topic, now, status = queries.topic_for(request.user, topic_id), clock.now(), 200
    rights.require(request.user, MANAGES, topic.jurisdiction)
    form = VoteForm(request.POST if request.method == "POST" else None, now=now)
    if request.method == "POST":
        status = 400
        if form.is_valid():
            said = form.cleaned_data
            try:
                vote = actions.make_vote(
                    by=request.user, now=now, topic_id=topic.pk, question=said["question"], rules=form.rules(),
                    opens_at=said["opens_at"], closes_at=said["closes_at"], vote_id=said["id"],
                )  # fmt: skip
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("The vote is made; its rules are fixed."))
                return redirect("commons:vote", vote.pk)
    context = {
        "form": form,
        "topic": topic,
        "place": full_name(topic.place),
        "households": queries.households_of(topic.place).count(),
    }
    return render(request, "commons/voting_add.html", context, status=status)


# ---- one vote -------------------------------------------------------------------------------------------------------


@require_safe
@person_who(SEES)
def vote_page(request: StaffRequest, vote_id: uuid.UUID) -> HttpResponse:
    return show_vote(request, queries.vote_for(request.user, vote_id))


@require_POST
@person_who(MANAGES)
def close(request: StaffRequest, vote_id: uuid.UUID) -> HttpResponse:
    """Count; the result stands from then on."""
    vote = queries.vote_for(request.user, vote_id)
    try:
        actions.close_vote(by=request.user, now=clock.now(), vote_id=vote.pk)
    except DubanError as refusal:
        if refusal.status in {403, 404}:
            raise
        return show_vote(request, vote, refusal)
    messages.success(request, _("The vote is counted."))
    return redirect("commons:vote", vote.pk)


@require_POST
@person_who(MANAGES)
def discard(request: StaffRequest, vote_id: uuid.UUID) -> HttpResponse:
    vote = queries.vote_for(request.user, vote_id)
    try:
        actions.discard_vote(by=request.user, now=clock.now(), vote_id=vote.pk)
    except DubanError as refusal:
        if refusal.status in {403, 404}:
            raise
        return show_vote(request, vote, refusal)
    messages.success(request, _("The vote is taken back."))
    return redirect("commons:votes")


@require_POST
@person_who(MANAGES)
def by_door(request: StaffRequest, vote_id: uuid.UUID) -> HttpResponse:
    """How each household voted, where the vote was an open one and is over; that somebody looked is written down."""
    vote = queries.vote_for(request.user, vote_id)
    try:
        found = actions.open_ballots(by=request.user, now=clock.now(), vote_id=vote.pk)
    except DubanError as refusal:
        if refusal.status in {403, 404}:
            raise
        return show_vote(request, vote, refusal)
    return show_vote(request, vote, by_choice=found)


urls = [
    path("votes/", votes_page, name="votes"),
    path("topics/<uuid:topic_id>/votes/add/", add_page, name="add_vote"),
    path("votes/<uuid:vote_id>/", vote_page, name="vote"),
    path("votes/<uuid:vote_id>/close/", close, name="close_vote"),
    path("votes/<uuid:vote_id>/discard/", discard, name="discard_vote"),
    path("votes/<uuid:vote_id>/doors/", by_door, name="votes_by_door"),
    *paper_pages.urls,
    *household_pages.urls,
]
