"""Topics as pages show them: the line of their life, their problems with what became of each, their threads."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from duban.commons.models import Comment, PostedNeed, Problem, Topic, TopicState, Vote
from duban.decisions.models import Decision, DecisionState, Meeting, MeetingState
from duban.ledger.mandates import work_of
from duban.ledger.told import EntryTold, entries_told

THREADS, ANSWERS = 20, 30
"""Threads a page, and of each how many answers, the first ones."""
DEEPEST = 3
"""Answers are set in so far; deeper ones stand beneath one another, on a phone sooner."""
PROBLEMS = 200


# ---- the line of a topic's life -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    key: str
    label: str
    note: str
    done: bool
    at: datetime | None = None
    anchor: str = ""


def life_of(topic: Topic, problems: Sequence["ProblemShown"], decided: Sequence["DecisionShown"]) -> list[Step]:
    """Topic, invitations, meeting, problems, vote, decision, work, minutes: what is behind, and what is to come."""
    meeting = topic.meeting if topic.meeting is None or topic.meeting.state != MeetingState.CANCELLED else None
    held = meeting is not None and meeting.state in {MeetingState.HELD, MeetingState.APPROVED}
    answered = sum(bool(one.problem.answer) for one in problems)
    votes = list(topic.votes.order_by("opens_at", "pk"))
    counted = [vote for vote in votes if vote.closed_at is not None]
    entries = [one.entry for one in problems if one.entry is not None]
    struck, listed = sum(entry.state == "closed" for entry in entries), len(entries)
    if decided:
        struck, listed = sum(one.done for one in decided), sum(one.all for one in decided)
    return [
        Step("topic", pgettext("commons", "Topic"), "", True, topic.opened_at),
        Step(
            "invited", _("Invitations"), "" if meeting else _("nobody invited yet"), meeting is not None, None, "meet"
        ),
        Step(
            "meeting", _("Meeting"), "" if held else pgettext("step", "to come") if meeting else "", held,
            meeting.at if meeting else None, "meet",
        ),
        Step(
            "problems", _("Problems"),
            _("%(answered)d of %(all)d answered") % {"answered": answered, "all": len(problems)} if problems else "",
            bool(problems) and answered == len(problems), None, "problems",
        ),
        Step("vote", _("Vote"), _vote_note(votes, len(counted)), bool(votes) and len(counted) == len(votes), None,
             "votes"),
        Step(
            "decision", pgettext("meeting", "Decision"),
            ngettext("%(n)d decision", "%(n)d decisions", len(decided)) % {"n": len(decided)} if decided else "",
            bool(decided), None, "decisions",
        ),
        Step(
            "work", pgettext("step", "Work"),
            _("%(done)d of %(all)d done") % {"done": struck, "all": listed} if listed else "",
            listed > 0 and struck == listed, None, "problems",
        ),
        Step(
            "minutes", pgettext("meeting", "Minutes"), "",
            meeting is not None and meeting.state == MeetingState.APPROVED,
            meeting.approved_at if meeting else None, "minutes",
        ),
    ]  # fmt: skip


def _vote_note(votes: Sequence[Vote], counted: int) -> str:
    if not votes:
        return _("no vote")
    return _("%(counted)d of %(all)d counted") % {"counted": counted, "all": len(votes)}


# ---- problems and decisions -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProblemShown:
    problem: Problem
    entry: EntryTold | None

    @property
    def after(self) -> str:
        return self.entry.after if self.entry else ""

    @property
    def is_pair(self) -> bool:
        """There is a picture of before and one of after."""
        return bool(self.problem.photo and self.after)


def problems_of(topic: Topic, now: datetime) -> list[ProblemShown]:
    """In the order in which they were listed, each with what the ledger says of it."""
    problems = list(topic.problems.select_related("decision").order_by("listed_at", "pk")[:PROBLEMS])
    told = entries_told([one.entry for one in problems], now)
    return [ProblemShown(one, told.get(one.entry) if one.entry else None) for one in problems]


def problems_by_topic(topics: Iterable[Topic], now: datetime, most: int = 60) -> dict[uuid.UUID, list[ProblemShown]]:
    """Of several topics at once, the last listed first."""
    problems = list(Problem.objects.filter(topic__in=list(topics)).order_by("-listed_at", "-pk")[:most])
    told = entries_told([one.entry for one in problems], now)
    found: dict[uuid.UUID, list[ProblemShown]] = {}
    for one in problems:
        found.setdefault(one.topic_id, []).append(ProblemShown(one, told.get(one.entry) if one.entry else None))
    return found


@dataclass(frozen=True)
class DecisionShown:
    decision: Decision
    done: int
    all: int
    """Of its entries and needs how many are struck off or met, and how many there are."""


def decisions_of(meeting: Meeting | None, now: datetime) -> list[DecisionShown]:
    """What the meeting decided and did not take back, each with how far its entries are."""
    return decisions_of_many([meeting], now) if meeting is not None else []


def decisions_of_many(meetings: Sequence[Meeting], now: datetime) -> list[DecisionShown]:
    """The latest meeting first, its decisions in their order; three queries."""
    decided = Decision.objects.filter(meeting__in=[one.pk for one in meetings]).exclude(state=DecisionState.WITHDRAWN)
    found = list(decided.select_related("meeting").order_by("-meeting__at", "meeting", "position"))
    ids = [one.pk for one in found]
    work = work_of(ids, now)
    needs = PostedNeed.objects.filter(decision__in=ids).order_by().values_list("decision")
    asked = {pk: (met, every) for pk, met, every in needs.annotate(met=Count("closed_at"), every=Count("pk"))}
    shown = []
    for one in found:
        met, every = asked.get(one.pk, (0, 0))
        entries = work.get(one.pk)
        struck, listed = (entries.closed, entries.entries) if entries else (0, 0)
        shown.append(DecisionShown(one, struck + met, listed + every))
    return shown


# ---- threads --------------------------------------------------------------------------------------------------------


@dataclass
class CommentShown:
    comment: Comment
    depth: int
    to: str
    """Whom it answers, where what it answers does not stand right above."""


@dataclass
class Thread:
    """What began it, its first answers as a tree read from the top, and how many there are in all."""

    lines: list[CommentShown]
    answers: int
    root: Comment

    @property
    def more(self) -> int:
        return self.answers - (len(self.lines) - 1)


@dataclass(frozen=True)
class ThreadPage:
    threads: list[Thread]
    later: str
    """Key of the next page, or nothing."""


def threads_of(topic: Topic, before: str = "") -> ThreadPage:
    """A page of threads, the newest first: three queries however many comments there are."""
    roots = topic.comments.filter(root=None).order_by("-at", "-pk")
    after = _key(before, topic)
    if after is not None:
        roots = roots.filter(Q(at__lt=after.at) | Q(at=after.at, pk__lt=after.pk), at__lte=after.at)
    found = list(roots[: THREADS + 1])
    shown = found[:THREADS]
    ids = [root.pk for root in shown]
    numbered = Comment.objects.filter(root__in=ids).annotate(
        place=Window(RowNumber(), partition_by=[F("root")], order_by=[F("at").asc(), F("id").asc()])
    )
    answers: dict[uuid.UUID | None, list[Comment]] = {}
    for one in numbered.filter(place__lte=ANSWERS).order_by("at", "pk"):
        answers.setdefault(one.root_id, []).append(one)
    counted = Comment.objects.filter(root__in=ids).order_by().values_list("root").annotate(n=Count("pk"))
    numbers = dict(counted)
    threads = [Thread(tree_of(root, answers.get(root.pk, [])), numbers.get(root.pk, 0), root) for root in shown]
    return ThreadPage(threads, str(shown[-1].pk) if len(found) > THREADS else "")


def _key(text: str, topic: Topic) -> Comment | None:
    try:
        key = uuid.UUID(text)
    except ValueError:
        return None
    return topic.comments.filter(pk=key).only("at").first()


def tree_of(root: Comment, answers: Sequence[Comment]) -> list[CommentShown]:
    """Depth first, answers in the order in which they were given; none is lost whose parent is not among them."""
    there: dict[uuid.UUID, Comment] = {one.pk: one for one in (root, *answers)}
    beneath: dict[uuid.UUID, list[Comment]] = {}
    for one in answers:
        under = one.parent_id if one.parent_id in there else root.pk
        beneath.setdefault(under or root.pk, []).append(one)
    lines: list[CommentShown] = []
    # Not by calls: a thread may be as deep as it is long.
    waiting: list[tuple[Comment, int]] = [(root, 0)]
    while waiting:
        one, depth = waiting.pop()
        above = lines[-1].comment.pk if lines else None
        parent = there.get(one.parent_id) if one.parent_id is not None else None
        apart = depth > DEEPEST or (one.parent_id is not None and one.parent_id != above)
        lines.append(CommentShown(one, min(depth, DEEPEST), name_of(parent) if parent is not None and apart else ""))
        waiting += [(child, depth + 1) for child in reversed(beneath.get(one.pk, []))]
    return lines


def thread_page(root: Comment, after: str = "", size: int = 100) -> tuple[list[CommentShown], str]:
    """The answers of one thread in the order in which they were given, and the key of the next page."""
    answers: QuerySet[Comment] = root.thread.select_related("parent").order_by("at", "pk")
    last = _key(after, root.topic)
    if last is not None:
        answers = answers.filter(Q(at__gt=last.at) | Q(at=last.at, pk__gt=last.pk), at__gte=last.at)
    found = list(answers[: size + 1])
    lines = [
        CommentShown(one, 1, name_of(one.parent) if one.parent is not None and one.parent_id != root.pk else "")
        for one in found[:size]
    ]
    return lines, str(found[size - 1].pk) if len(found) > size else ""


def name_of(comment: Comment) -> str:
    """Who said it, by the name that they chose: never more."""
    if comment.hidden_at is not None:
        return _("a hidden comment")
    if comment.pen_name:
        return comment.pen_name
    return _("community worker") if comment.staff else _("a household")


def state_words(topic: Topic) -> str:
    return str(TopicState(topic.state).label)
