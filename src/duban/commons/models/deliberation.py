"""Neighbours who decide: places they share, topics, what is said and voted, and what comes of it."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from duban.decisions.models import Decision, Meeting


class PlaceKind(models.TextChoices):
    ESTATE = "estate", _("estate")
    BUILDING = "building", _("building")
    ENTRANCE = "entrance", _("entrance")


class SharedPlace(models.Model):
    """An estate, a building of it, an entrance of that: what people share and have a page of their own for."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.CharField(max_length=8, choices=PlaceKind)
    within = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="parts")
    name = models.CharField(max_length=100)
    jurisdiction = models.CharField(max_length=15)
    lon = models.FloatField(null=True, blank=True, help_text="degrees east, WGS 84; both or none")
    lat = models.FloatField(null=True, blank=True)
    token = models.CharField(max_length=22, unique=True, help_text="of its poster's QR; random")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "within", "name"], name="shared_place_name_once"),
            # What lies in nothing else: databases hold two empty keys for different.
            models.UniqueConstraint(
                fields=["jurisdiction", "name"], condition=Q(within=None), name="outermost_place_name_once"
            ),
            models.CheckConstraint(condition=Q(kind__in=PlaceKind.values), name="place_kind_is_known"),
        ]
        indexes = [models.Index(fields=["jurisdiction", "name"], name="shared_places_by_code")]

    def __str__(self) -> str:
        return self.name


class Household(models.Model):
    """A door of a place: what a vote counts by. Its secret, printed on its invitation, lets it in."""

    place = models.ForeignKey(SharedPlace, on_delete=models.CASCADE, related_name="households")
    door = models.CharField(max_length=20, help_text="number of the flat")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of its secret")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["place", "door"], name="door_once_in_a_place")]

    def __str__(self) -> str:
        return self.door


class TopicState(models.TextChoices):
    OPEN = "open", pgettext_lazy("topic", "open")
    INVITED = "invited", pgettext_lazy("topic", "invited")
    DECIDED = "decided", pgettext_lazy("topic", "decided")
    CLOSED = "closed", pgettext_lazy("topic", "closed")


class Topic(models.Model):
    """What a place talks about, from the first words to the answer. Its meeting is one of `decisions`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    place = models.ForeignKey(SharedPlace, on_delete=models.PROTECT, related_name="topics")
    jurisdiction = models.CharField(max_length=15)
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    state = models.CharField(max_length=7, choices=TopicState, default=TopicState.OPEN)
    meeting = models.OneToOneField(Meeting, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    opened_by = models.JSONField(help_text="by value")
    opened_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["jurisdiction", "state", "-opened_at"], name="topics_by_place"),
            models.Index(fields=["-opened_at", "-id", "jurisdiction", "state"], name="topics_newest"),
        ]

    def __str__(self) -> str:
        return self.title


class Problem(models.Model):
    """One thing that residents list as wrong. Each gets a public answer, many become an entry of the ledger."""

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="problems")
    text = models.CharField(max_length=300)
    photo = models.CharField(max_length=64, blank=True, help_text="SHA-256")
    entry = models.UUIDField(null=True, blank=True, help_text="of the ledger")
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.JSONField(null=True, blank=True)
    listed_at = models.DateTimeField()

    class Meta:
        ordering = ["topic", "listed_at", "pk"]

    def __str__(self) -> str:
        return self.text[:60]


class Comment(models.Model):
    """A word on a topic, in threads. Who wrote it stands there only by a name they chose."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="comments")
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="replies")
    root = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="thread",
        help_text="what the thread began with; empty: this",
    )
    household = models.ForeignKey(Household, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    staff = models.BooleanField(default=False, help_text="a community worker's own words")
    pen_name = models.CharField(max_length=30, blank=True)
    text = models.TextField()
    external_id = models.CharField(max_length=60, blank=True)
    at = models.DateTimeField()
    hidden_at = models.DateTimeField(null=True, blank=True)
    hidden_for = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["topic", "external_id"],
                condition=~Q(external_id=""),
                name="comment_imported_once",
            )
        ]
        indexes = [
            models.Index(fields=["topic", "at", "id"], name="comments_of_topic"),
            models.Index(fields=["root", "at", "id"], name="comments_of_thread"),
            # A page of threads is read from here, however many answers there are.
            models.Index(fields=["topic", "-at", "-id"], condition=Q(root=None), name="threads_of_topic"),
        ]

    def __str__(self) -> str:
        return self.text[:60]


class VoteRule(models.TextChoices):
    MAJORITY = "majority", _("more than half of those who vote")
    ABSOLUTE = "absolute", _("more than half of all households")
    TWO_THIRDS = "two_thirds", _("two thirds of those who vote")
    CONSENSUS = "consensus", _("nobody against")
    MOST = "most", _("the option with the most votes")


class Vote(models.Model):
    """A question with its rules, chosen before it opens and never changed after."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    topic = models.ForeignKey(Topic, on_delete=models.PROTECT, related_name="votes")
    question = models.CharField(max_length=300)
    options = models.JSONField(help_text="[{key, label}]; yes and no, or those to choose from")
    rule = models.CharField(max_length=10, choices=VoteRule)
    quorum_percent = models.PositiveSmallIntegerField(help_text="of the households that must vote; 0: none")
    secret = models.BooleanField()
    abstentions_count = models.BooleanField(help_text="towards the quorum and among those who vote")
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    result = models.JSONField(null=True, blank=True, help_text="counts and outcome as they were worked out")
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    box = models.BinaryField(
        null=True,
        help_text="secret ballots, sorted and encrypted together: no order is kept",
    )
    made_by = models.JSONField(help_text="by value")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quorum_percent__lte=100), name="quorum_of_all_at_most"),
            models.CheckConstraint(
                condition=Q(closes_at__gt=models.F("opens_at")),
                name="vote_closes_after_it_opens",
            ),
        ]
        indexes = [models.Index(fields=["-opens_at", "-id"], name="votes_newest")]

    def __str__(self) -> str:
        return self.question


class Voted(models.Model):
    """That a household has voted; in an open vote also how."""

    vote = models.ForeignKey(Vote, on_delete=models.CASCADE, related_name="voted")
    household = models.ForeignKey(Household, on_delete=models.PROTECT, related_name="+")
    choice = models.CharField(
        max_length=20,
        blank=True,
        help_text="key of the option or abstain; empty: secret",
    )
    paper = models.BooleanField(default=False)
    at = models.DateTimeField(null=True, blank=True, help_text="empty where the vote is secret")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["vote", "household"], name="nobody_votes_twice")]

    def __str__(self) -> str:
        return f"{self.vote_id} {self.household_id}"


class PaperCount(models.Model):
    """Paper votes: entered by one person, counted again by another; they count once both agree."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    vote = models.ForeignKey(Vote, on_delete=models.CASCADE, related_name="paper_counts")
    doors = models.JSONField(help_text="numbers of the households that voted on paper")
    counts = models.JSONField(help_text="{option: number}")
    entered_by = models.JSONField(help_text="by value")
    entered_at = models.DateTimeField()
    checked_by = models.JSONField(null=True, blank=True, help_text="by value; somebody else")
    checked_at = models.DateTimeField(null=True, blank=True)
    differs = models.JSONField(
        null=True,
        blank=True,
        help_text="what the second person counted, if it was not the same",
    )

    def __str__(self) -> str:
        return f"{self.vote_id} {self.entered_at:%Y-%m-%d}"
