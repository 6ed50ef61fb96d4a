"""Writes of votes: rules fixed before, each household once, paper counted by two, closed with an outcome."""

import hmac
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.models import Household, PaperCount, SharedPlace, Topic, TopicState, Vote, Voted, VoteRule
from duban.commons.secrets import digest_of, new_secret
from duban.commons.voting import queries
from duban.commons.voting.box import open_box, with_ballots
from duban.commons.voting.outcome import ABSTAIN, NO, YES, Outcome, outcome
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.keys import read_or_make_key
from duban.core.text import is_plain

MANAGES = "vote.manage"
MAX_OPTIONS, MAX_HOUSEHOLDS = 12, 5000
KEY = re.compile(r"[a-z0-9_]{1,20}", re.ASCII)
DOOR = re.compile(r"[^\s,;，；、]{1,20}")


class BadVote(DubanError):
    pass


@dataclass(frozen=True)
class VoteRules:
    """How a vote is held; nothing of it changes once it is made. `options`: (key, label), yes and no where empty."""

    rule: str = VoteRule.MAJORITY
    quorum_percent: int = 0
    secret: bool = False
    abstentions_count: bool = True
    options: tuple[tuple[str, str], ...] = ()


# ---- households -----------------------------------------------------------------------------------------------------


@transaction.atomic
def invite_households(*, by: Person, now: datetime, place_id: uuid.UUID, doors: Sequence[str]) -> dict[str, str]:
    """The secret of each door that has none yet, by door: for its printed invitation, and shown this once.

    Doors that are there keep theirs. Raises NotFound (`place_not_found`), NotAllowed, BadVote (`bad_door`,
    `too_many_households`), Conflict (`vote_uncounted`: who comes now must not be counted among its households).
    """
    place = _place_for(by, place_id)
    rights.require(by, MANAGES, place.jurisdiction)
    if queries.votes_at(place).filter(closed_at=None, closes_at__lte=now).exists():
        raise Conflict("vote_uncounted", _("A vote of this place is over but not counted; count it first."))
    wanted = list(dict.fromkeys(door.strip() for door in doors if door.strip()))
    wrong = next((door for door in wanted if not DOOR.fullmatch(door) or not is_plain(door)), None)
    if wrong is not None:
        raise BadVote("bad_door", _("“%(door)s” is no number of a door.") % {"door": wrong[:20]}, field="doors")
    there = set(place.households.values_list("door", flat=True))
    if len(there | set(wanted)) > MAX_HOUSEHOLDS:
        raise BadVote("too_many_households", _("At most 5,000 households a place."), field="doors")
    made = {door: new_secret() for door in wanted if door not in there}
    Household.objects.bulk_create(
        [Household(place=place, door=door, digest=digest_of(secret)) for door, secret in made.items()]
    )
    _audit(by, now, "invite_households", place, households=len(made))
    return made


@transaction.atomic
def renew_invitation(*, by: Person, now: datetime, household_id: int) -> str:
    """Another secret for a household whose invitation was lost; the old one opens nothing any more."""
    household = _household_for(by, household_id)
    secret = new_secret()
    household.digest = digest_of(secret)
    household.save(update_fields=["digest"])
    _audit(by, now, "renew_invitation", household)
    return secret


@transaction.atomic
def renew_invitations(*, by: Person, now: datetime, place_id: uuid.UUID) -> dict[str, str]:
    """Another secret for every household of the place, by door; none of the old ones opens anything any more.

    Raises NotFound (`place_not_found`), NotAllowed, BadVote (`no_households`).
    """
    place = _place_for(by, place_id)
    rights.require(by, MANAGES, place.jurisdiction)
    there = list(place.households.order_by(*queries.BY_NUMBER))
    if not there:
        raise _no_households()
    made = {}
    for household in there:
        made[household.door] = secret = new_secret()
        household.digest = digest_of(secret)
    Household.objects.bulk_update(there, ["digest"], batch_size=500)
    _audit(by, now, "renew_invitations", place, households=len(there))
    return made


@transaction.atomic
def remove_household(*, by: Person, now: datetime, household_id: int) -> SharedPlace:
    """Take out a door that is none: it has never voted. Its invitation opens nothing any more.

    Raises NotFound (`household_not_found`), NotAllowed, Conflict (`household_voted`, `vote_under_way`: with fewer doors
    its quorum would be smaller).
    """
    household = _household_for(by, household_id)
    if queries.votes_of(household).filter(closed_at=None, opens_at__lte=now).exists():
        raise Conflict("vote_under_way", _("A vote is under way in which this door counts; wait until it is counted."))
    if Voted.objects.filter(household=household).exists():
        raise Conflict("household_voted", _("This household has voted already; it stays."))
    place = household.place
    _audit(by, now, "remove_household", household)
    household.delete()
    return place


def _place_for(by: Person, place_id: uuid.UUID) -> SharedPlace:
    """The place, locked; else NotFound (`place_not_found`)."""
    place = SharedPlace.objects.select_for_update(of=("self",)).filter(pk=place_id).first()
    if place is None or not rights.may(by, "topic.see", place.jurisdiction):
        raise NotFound("place_not_found", _("There is no such place, or it is not yours to see."))
    return place


def _household_for(by: Person, household_id: int) -> Household:
    """The household, locked; else NotFound (`household_not_found`)."""
    found = Household.objects.select_for_update(of=("self",)).select_related("place").filter(pk=household_id).first()
    if found is None or not rights.may(by, MANAGES, found.place.jurisdiction):
        raise NotFound("household_not_found", _("There is no such household, or it is not yours to see."))
    return found


# ---- votes ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def make_vote(
    *,
    by: Person,
    now: datetime,
    topic_id: uuid.UUID,
    question: str,
    rules: VoteRules,
    opens_at: datetime,
    closes_at: datetime,
    vote_id: uuid.UUID | None = None,
) -> Vote:
    """A vote of the households of the topic's place. The same id again gives the first answer.

    Raises NotFound (`topic_not_found`), NotAllowed, BadVote (`bad_question`, `bad_rules`, `bad_options`, `bad_times`,
    `no_households`), Conflict (`topic_closed`).
    """
    # Locked, as by whoever closes it: no vote begins on what is closed meanwhile.
    topic = Topic.objects.select_for_update(of=("self",)).select_related("place").filter(pk=topic_id).first()
    if topic is None or not rights.may(by, "topic.see", topic.jurisdiction):
        raise NotFound("topic_not_found", _("There is no such topic, or it is not yours to see."))
    rights.require(by, MANAGES, topic.jurisdiction)
    there = Vote.objects.filter(pk=vote_id, topic=topic).first() if vote_id else None
    if there is not None:
        return there
    if topic.state == TopicState.CLOSED:
        raise Conflict("topic_closed", _("This topic is closed; open another one."))
    text = question.strip()
    if not 2 <= len(text) <= 300 or not is_plain(text):
        raise BadVote("bad_question", _("Put the question in 2 to 300 characters."), field="question")
    if closes_at <= opens_at or closes_at <= now:
        raise BadVote("bad_times", _("A vote closes after it opens, and not in the past."), field="closes_at")
    options = _checked_options(rules)
    # Locked, as by whoever moves a place into it or out of it: which households there are is sure from here on.
    SharedPlace.objects.select_for_update().get(pk=topic.place_id)
    if not queries.households_of(topic.place).exists():
        raise _no_households()
    vote = Vote.objects.create(
        id=vote_id or uuid.uuid4(),
        topic=topic,
        question=text,
        options=[{"key": key, "label": label} for key, label in options],
        rule=rules.rule,
        quorum_percent=rules.quorum_percent,
        secret=rules.secret,
        abstentions_count=rules.abstentions_count,
        opens_at=opens_at,
        closes_at=closes_at,
        made_by=by.as_actor(),
    )
    _audit(by, now, "make_vote", vote, rule=rules.rule, quorum=rules.quorum_percent, secret=rules.secret)
    return vote


@transaction.atomic
def discard_vote(*, by: Person, now: datetime, vote_id: uuid.UUID) -> Topic:
    """Take back a vote in which nobody has voted yet, on paper either: it was asked wrongly. Returns its topic.

    Raises NotFound (`vote_not_found`), NotAllowed, Conflict (`vote_over`, `vote_begun`).
    """
    vote = _managed(by, vote_id)
    if vote.voted.exists() or vote.paper_counts.exists():
        raise Conflict("vote_begun", _("Somebody has voted already; the vote goes on to its end."))
    topic = vote.topic
    _audit(by, now, "discard_vote", vote)
    vote.delete()
    return topic


def _no_households() -> BadVote:
    return BadVote("no_households", _("No household of this place is invited yet; invite them first."))


def bad_options() -> BadVote:
    return BadVote("bad_options", _("Give 2 to 12 options, each with words of its own."), field="options")


def _checked_options(rules: VoteRules) -> list[tuple[str, str]]:
    if rules.rule not in VoteRule.values or not 0 <= rules.quorum_percent <= 100:
        raise BadVote("bad_rules", _("Choose a rule, and a quorum of 0 to 100 per cent."), field="rule")
    if not rules.options:
        if rules.rule == VoteRule.MOST:
            raise BadVote(
                "bad_options", _("Where the most votes win, say what there is to choose from."), field="options"
            )
        return [(YES, ""), (NO, "")]
    keys = [key for key, _label in rules.options]
    labels = [label.strip() for _key, label in rules.options]
    good = all(KEY.fullmatch(key) and key != ABSTAIN for key in keys) and all(
        1 <= len(label) <= 100 and is_plain(label) for label in labels
    )
    if not good or len(set(keys)) != len(keys) or not 2 <= len(keys) <= MAX_OPTIONS:
        raise bad_options()
    return list(zip(keys, labels, strict=True))


# ---- casting --------------------------------------------------------------------------------------------------------


def cast_vote(*, household: Household, now: datetime, vote_id: uuid.UUID, choice: str) -> None:
    """The household votes, once; the same choice again in an open vote changes nothing.

    Raises NotFound (`vote_not_found`), Conflict (`vote_not_open`, `voted_already`), BadVote (`bad_choice`).
    """
    try:
        with transaction.atomic():
            _cast(household, now, vote_id, choice)
    except IntegrityError as error:
        raise _voted_already() from error


def _cast(household: Household, now: datetime, vote_id: uuid.UUID, choice: str) -> None:
    vote = Vote.objects.select_for_update(of=("self",)).select_related("topic").filter(pk=vote_id).first()
    if vote is None or not queries.households_of(vote.topic.place).filter(pk=household.pk).exists():
        raise NotFound("vote_not_found", _("There is no such vote for your household."))
    _require_open(vote, now)
    if choice not in _choices(vote):
        raise bad_choice()
    before = Voted.objects.filter(vote=vote, household=household).first()
    if before is not None:
        if not vote.secret and before.choice == choice:
            return
        raise _voted_already()
    if vote.secret:
        Voted.objects.create(vote=vote, household=household)
        vote.box = with_ballots(vote.box, [choice])
        vote.save(update_fields=["box"])
    else:
        Voted.objects.create(vote=vote, household=household, choice=choice, at=now)


def bad_choice() -> BadVote:
    return BadVote("bad_choice", _("Choose one of the answers."), field="choice")


def _choices(vote: Vote) -> list[str]:
    return [*(option["key"] for option in vote.options), ABSTAIN]


def _require_open(vote: Vote, now: datetime) -> None:
    if vote.closed_at is not None or not vote.opens_at <= now < vote.closes_at:
        raise Conflict("vote_not_open", _("This vote is not open: it has not begun, or it is over."))


def _voted_already() -> Conflict:
    return Conflict("voted_already", _("Your household has voted; each votes once."))


# ---- paper ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def enter_paper(
    *,
    by: Person,
    now: datetime,
    vote_id: uuid.UUID,
    doors: Sequence[str],
    counts: Mapping[str, int],
    paper_id: uuid.UUID | None = None,
) -> PaperCount:
    """Ballots that were filled in on paper: from which doors, and how many of each answer. Somebody else counts again.

    They count once both agree. The same id again gives the first answer. Raises NotFound (`vote_not_found`),
    NotAllowed, Conflict (`vote_over`), BadVote (`bad_paper`, `unknown_door`, `voted_already`).
    """
    vote = _managed(by, vote_id)
    there = PaperCount.objects.filter(pk=paper_id, vote=vote).first() if paper_id else None
    if there is not None:
        return there
    sound = _checked_counts(vote, counts)
    wanted = list(dict.fromkeys(door.strip() for door in doors if door.strip()))
    if not wanted or sum(sound.values()) != len(wanted):
        raise BadVote(
            "bad_paper", _("There are %(doors)d doors, but %(ballots)d ballots: one each.")
            % {"doors": len(wanted), "ballots": sum(sound.values())}, field="counts",
        )  # fmt: skip
    _doors_free(vote, wanted)
    paper = PaperCount(id=paper_id or uuid.uuid4(), vote=vote, doors=wanted, entered_by=by.as_actor(), entered_at=now)
    paper.counts = _kept(paper, sound)
    paper.save(force_insert=True)
    _audit(by, now, "enter_paper", vote, ballots=len(wanted))
    return paper


@transaction.atomic
def check_paper(*, by: Person, now: datetime, paper_id: uuid.UUID, counts: Mapping[str, int]) -> PaperCount:
    """Count the paper again without seeing the first count. Where both agree it counts; else both count anew.

    Raises NotFound (`paper_not_found`), NotAllowed, Conflict (`own_paper`, `vote_over`, `paper_checked`,
    `voted_already`), BadVote (`bad_paper`).
    """
    paper = PaperCount.objects.select_for_update().filter(pk=paper_id).first()
    if paper is None:
        raise NotFound("paper_not_found", _("There is no such count, or it is not yours to see."))
    vote = _managed(by, paper.vote_id)
    if paper.entered_by.get("username") == by.username:
        raise Conflict("own_paper", _("Somebody else counts again what you entered."))
    if paper.checked_at is not None:
        raise Conflict("paper_checked", _("These ballots were counted twice already."))
    sound = _checked_counts(vote, counts)
    if _kept(paper, sound) != paper.counts:
        paper.differs = _kept(paper, sound)
        paper.save(update_fields=["differs"])
        _audit(by, now, "paper_differs", vote)
        return paper
    households = _doors_free(vote, paper.doors)
    paper.checked_by, paper.checked_at, paper.differs = by.as_actor(), now, None
    if vote.secret:
        # They lie in the box now; beside the doors they would tell.
        paper.counts = {}
    paper.save(update_fields=["checked_by", "checked_at", "differs", "counts"])
    Voted.objects.bulk_create([Voted(vote=vote, household=one, paper=True) for one in households])
    if vote.secret:
        vote.box = with_ballots(vote.box, [key for key, number in sound.items() for _one in range(number)])
        vote.save(update_fields=["box"])
    _audit(by, now, "check_paper", vote, ballots=len(households))
    return paper


@transaction.atomic
def discard_paper(*, by: Person, now: datetime, paper_id: uuid.UUID) -> None:
    """Throw away a count that the second person did not confirm; both begin anew."""
    paper = PaperCount.objects.select_for_update().filter(pk=paper_id).first()
    if paper is None:
        raise NotFound("paper_not_found", _("There is no such count, or it is not yours to see."))
    vote = _managed(by, paper.vote_id)
    if paper.checked_at is not None:
        raise Conflict("paper_checked", _("These ballots were counted twice already."))
    paper.delete()
    _audit(by, now, "discard_paper", vote)


def _managed(by: Person, vote_id: uuid.UUID) -> Vote:
    """The vote, locked, that is not closed yet."""
    vote = queries.vote_for(by, vote_id, lock=True)
    rights.require(by, MANAGES, vote.topic.jurisdiction)
    if vote.closed_at is not None:
        raise Conflict("vote_over", _("The vote is closed and its result stands."))
    return vote


def _checked_counts(vote: Vote, counts: Mapping[str, int]) -> dict[str, int]:
    choices = _choices(vote)
    if any(key not in choices or number < 0 for key, number in counts.items()):
        raise BadVote("bad_paper", _("Give a whole number for each answer."), field="counts")
    return {key: counts.get(key, 0) for key in choices}


def _kept(paper: PaperCount, counts: Mapping[str, int]) -> dict[str, Any]:
    """What of a count is stored. In a secret vote a mark under a key outside the database: of few doors that handed in
    a ballot, or of many that all agreed, the numbers would tell how each of them voted."""
    if not paper.vote.secret:
        return dict(counts)
    key = read_or_make_key(settings.DUBAN_DATA / "keys" / "ballots")
    said = json.dumps([str(paper.pk), sorted(counts.items())])
    return {"mark": hmac.digest(key, said.encode(), "sha256").hex()}


def _doors_free(vote: Vote, doors: Sequence[str]) -> list[Household]:
    """The households of these doors; raises BadVote (`unknown_door`), Conflict (`voted_already`)."""
    place = vote.topic.place
    there = {queries.door_in(one, place): one for one in queries.households_of(place).select_related("place")}
    unknown = next((door for door in doors if door not in there), None)
    if unknown is not None:
        raise BadVote("unknown_door", _("No household has the door %(door)s.") % {"door": unknown[:20]}, field="doors")
    households = [there[door] for door in doors]
    voted = Voted.objects.filter(vote=vote, household__in=households).select_related("household").first()
    if voted is not None:
        raise Conflict(
            "voted_already", _("Door %(door)s has voted already.") % {"door": voted.household.door}, field="doors"
        )
    return households


# ---- closing --------------------------------------------------------------------------------------------------------


@transaction.atomic
def close_vote(*, by: Person, now: datetime, vote_id: uuid.UUID) -> Vote:
    """Count, and let the outcome stand. A second time gives the first answer.

    Raises NotFound (`vote_not_found`), NotAllowed, Conflict (`vote_goes_on`, `paper_unchecked`).
    """
    vote = queries.vote_for(by, vote_id, lock=True)
    rights.require(by, MANAGES, vote.topic.jurisdiction)
    if vote.closed_at is not None:
        return vote
    if now < vote.closes_at:
        raise Conflict("vote_goes_on", _("The vote goes on; it can be counted once it is over."))
    if vote.paper_counts.filter(checked_at=None).exists():
        raise Conflict("paper_unchecked", _("Paper ballots wait for the second count, or to be thrown away."))
    counts, found = recount(vote)
    vote.closed_at = now
    vote.result = {"counts": counts, **found.as_json(), "households": queries.households_of(vote.topic.place).count()}
    vote.save(update_fields=["closed_at", "result"])
    _audit(by, now, "close_vote", vote, why=found.why)
    return vote


@transaction.atomic
def open_ballots(*, by: Person, now: datetime, vote_id: uuid.UUID) -> dict[str, list[str]]:
    """Doors by the answer they gave in an open vote that is over; the look is recorded.

    Raises NotFound (`vote_not_found`), NotAllowed, Conflict (`vote_goes_on`, `vote_is_secret`).
    """
    vote = queries.vote_for(by, vote_id)
    rights.require(by, MANAGES, vote.topic.jurisdiction)
    if vote.secret:
        raise Conflict("vote_is_secret", _("The vote was secret: how a household voted is kept nowhere."))
    if vote.closed_at is None:
        raise Conflict("vote_goes_on", _("The vote goes on; it can be counted once it is over."))
    found: dict[str, list[str]] = {key: [] for key in _choices(vote)}
    for one in vote.voted.filter(paper=False).select_related("household__place").order_by("household__door"):
        found[one.choice].append(queries.door_in(one.household, vote.topic.place))
    _audit(by, now, "open_ballots", vote)
    return found


def recount(vote: Vote) -> tuple[dict[str, int], Outcome]:
    """Counts and outcome worked out from the ballots as they are recorded; `close_vote` keeps just this."""
    if vote.secret:
        counts = dict(open_box(vote.box))
    else:
        counts = {}
        for choice in vote.voted.filter(paper=False).values_list("choice", flat=True):
            counts[choice] = counts.get(choice, 0) + 1
        for paper in vote.paper_counts.exclude(checked_at=None):
            counts = {key: counts.get(key, 0) + paper.counts.get(key, 0) for key in counts | paper.counts}
    counts = {key: counts.get(key, 0) for key in _choices(vote)}
    households = queries.households_of(vote.topic.place).count()
    if vote.closed_at is not None and vote.result:
        # Who moved in since has no part in it.
        households = vote.result["households"]
    found = outcome(
        vote.rule,
        quorum_percent=vote.quorum_percent,
        households=households,
        abstentions_count=vote.abstentions_count,
        counts=counts,
    )
    return counts, found


def _audit(by: Person, now: datetime, action: str, subject: Any, **detail: Any) -> None:
    audit.record(
        by=by, now=now, action=action, subject_type=subject._meta.model_name, subject_id=subject.pk, detail=detail
    )
