"""Community organisations: the register, and how each came to it and grew."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class OrganisationCategory(models.Model):
    """Local data; built-in ones come with `migrate`, an import makes those it does not know."""

    key = models.CharField(primary_key=True, max_length=40)
    name = models.CharField(max_length=60)
    name_en = models.CharField(max_length=60, blank=True)
    local = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class Tier(models.TextChoices):
    REGISTERED = "registered", _("registered")
    FILED = "filed", _("filed")
    GUIDED = "guided", _("guided")


class OrganisationKind(models.TextChoices):
    CLUB = "club", _("club")
    STUDIO = "studio", _("studio")
    TEAM = "team", _("team")
    FEDERATION = "federation", _("federation")
    OTHER = "other", _("other")


class Purpose(models.TextChoices):
    LEISURE = "leisure", _("leisure")
    SERVICE = "service", _("service")
    SELF_GOVERNANCE = "self_governance", _("self-governance")


class Stage(models.TextChoices):
    """How far an incubated organisation has come; one that was never admitted has none."""

    ADMITTED = "admitted", _("admitted to incubation")
    GROWING = "growing", _("growing")
    STANDING = "standing", _("stands by itself")
    LEADING = "leading", _("brings others along")


class Organisation(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=100)
    name_key = models.CharField(max_length=100, help_text="the name without blanks and width")
    search = models.CharField(max_length=300, help_text="name, pinyin and its initials, numbers; lower case")
    tier = models.CharField(max_length=10, choices=Tier)
    kind = models.CharField(max_length=10, choices=OrganisationKind)
    purpose = models.CharField(max_length=15, choices=Purpose, default=Purpose.LEISURE)
    stage = models.CharField(max_length=8, choices=Stage, blank=True, help_text="of incubation; empty: not admitted")
    slots = models.PositiveSmallIntegerField(default=0, help_text="how many of the five parties' slots are filled")
    credit_code = models.CharField(max_length=18, blank=True)
    filing_number = models.CharField(max_length=40, blank=True)
    category = models.ForeignKey(OrganisationCategory, on_delete=models.PROTECT, related_name="organisations")
    jurisdiction = models.CharField(max_length=15)
    town = models.CharField(max_length=9)
    members = models.PositiveIntegerField(default=0, help_text="as the roster or the import says")
    founded = models.DateField(null=True, blank=True)
    about = models.TextField(blank=True, help_text="for the public page")
    brand = models.CharField(max_length=60, blank=True, help_text="the name it is known by")
    federation = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="belonging",
    )
    token = models.CharField(max_length=22, unique=True, help_text="of its certificate's QR; random")
    added_at = models.DateTimeField()
    dissolved_on = models.DateField(null=True, blank=True)
    checked_year = models.PositiveSmallIntegerField(default=0, help_text="the latest year with an annual check, else 0")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["credit_code"],
                condition=~Q(credit_code=""),
                name="credit_code_once",
            ),
            models.UniqueConstraint(
                fields=["town", "filing_number"],
                condition=~Q(filing_number=""),
                name="filing_number_once_in_a_town",
            ),
            models.CheckConstraint(condition=Q(tier__in=Tier.values), name="tier_is_known"),
            models.CheckConstraint(condition=Q(stage__in=["", *Stage.values]), name="stage_is_known"),
            models.CheckConstraint(condition=Q(slots__lte=5), name="five_slots_at_most"),
            models.CheckConstraint(condition=~Q(federation=F("id")), name="no_federation_of_itself"),
        ]
        indexes = [
            # All that the list filters by: rows that answer no filter are passed over without being opened.
            models.Index(
                fields=[
                    "town",
                    "name_key",
                    "id",
                    "jurisdiction",
                    "tier",
                    "kind",
                    "category",
                    "purpose",
                    "members",
                    "founded",
                    "dissolved_on",
                    "checked_year",
                    "federation",
                    "stage",
                    "slots",
                ],
                name="organisations_in_order",
            ),
            models.Index(fields=["jurisdiction", "name_key", "id"], name="organisations_by_place"),
            models.Index(
                fields=["stage", "town", "name_key", "id", "jurisdiction", "dissolved_on", "slots"],
                name="organisations_by_stage",
            ),
            models.Index(fields=["jurisdiction", "name_key"], condition=~Q(brand=""), name="organisations_branded"),
            models.Index(
                fields=[
                    "jurisdiction",
                    "tier",
                    "kind",
                    "purpose",
                    "category",
                    "founded",
                    "members",
                    "dissolved_on",
                ],
                name="organisations_counted",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OrganisationText(models.Model):
    """What an organisation is found by, as pairs of characters; see register/search.py."""

    organisation = models.OneToOneField(Organisation, on_delete=models.CASCADE, related_name="text")
    grams = models.TextField()

    def __str__(self) -> str:
        return str(self.organisation_id)


class Area(models.Model):
    """Where an organisation is active besides where it is based."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="areas")
    code = models.CharField(max_length=15)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "code"], name="active_once_in_an_area")]

    def __str__(self) -> str:
        return self.code


class ChangeOf(models.TextChoices):
    FOUNDED = "founded", _("founded")
    TIER = "tier", _("tier")
    PURPOSE = "purpose", _("purpose")
    NAME = "name", _("name")
    KIND = "kind", _("kind")
    CATEGORY = "category", _("category")
    PLACE = "place", _("place")
    NUMBER = "number", _("number")
    FEDERATION = "federation", _("federation")
    STAGE = "stage", _("stage of incubation")
    BRAND = "brand", _("name it is known by")
    CHECK = "check", _("annual check")
    DISSOLVED = "dissolved", _("dissolved")


class LifeEvent(models.Model):
    """One dated change, on the organisation's life line. Never altered; what was wrong is followed by what is right."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="life")
    what = models.CharField(max_length=10, choices=ChangeOf)
    on = models.DateField()
    before = models.CharField(max_length=100, blank=True)
    after = models.CharField(max_length=100, blank=True)
    note = models.CharField(max_length=300, blank=True)
    evidence = models.CharField(max_length=64, blank=True, help_text="SHA-256 of a photo or document")
    by = models.JSONField(help_text="by value")
    at = models.DateTimeField()

    class Meta:
        ordering = ["organisation", "on", "pk"]
        indexes = [models.Index(fields=["on", "organisation"], condition=Q(what="purpose"), name="purposes_turned")]

    def __str__(self) -> str:
        return f"{self.what} {self.on}"


class Membership(models.Model):
    """A person in an organisation, from when until when. Protected: never on a public page."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="roster")
    sealed = models.BinaryField(help_text="JSON: name, phone; encrypted")
    role = models.CharField(max_length=60, blank=True, help_text="member, head, treasurer, ...")
    since = models.DateField(null=True, blank=True)
    until = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return self.role or "member"


class Party(models.TextChoices):
    """The five parties that bring an organisation along; each is a slot whose emptiness shows."""

    LEADS = "leads", _("leads")
    DIRECTS = "directs", _("directs")
    GUIDES = "guides", _("guides")
    ADVISES = "advises", _("advises")
    RUNS = "runs", _("runs")


class PartyRole(models.Model):
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="parties")
    party = models.CharField(max_length=7, choices=Party)
    unit = models.CharField(max_length=100, help_text="an office or organisation, no person")
    since = models.DateField()
    until = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "party"],
                condition=Q(until__isnull=True),
                name="one_party_in_a_slot",
            )
        ]

    def __str__(self) -> str:
        return f"{self.party} {self.unit}"


class DocumentKind(models.TextChoices):
    APPLICATION = "application", _("application")
    CHARTER = "charter", _("charter")
    ROSTER = "roster", _("roster")
    EVIDENCE = "evidence", _("evidence")


class Document(models.Model):
    """A file of an organisation; rosters are kept encrypted."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="documents")
    kind = models.CharField(max_length=11, choices=DocumentKind)
    name = models.CharField(max_length=100)
    file = models.CharField(max_length=200, unique=True, help_text="below the folder of documents")
    digest = models.CharField(max_length=64, help_text="SHA-256 of what was sent")
    by = models.JSONField(help_text="by value")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class ApplicationState(models.TextChoices):
    SENT = "sent", _("sent")
    RETURNED = "returned", _("returned")
    FILED = "filed", _("filed")
    REFUSED = "refused", _("refused")


class Application(models.Model):
    """A filing online: sent, returned with reasons until it is right, then filed under a number."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    town = models.CharField(max_length=9)
    jurisdiction = models.CharField(max_length=15)
    name = models.CharField(max_length=100)
    facts = models.JSONField(help_text="kind, category, members, founded, about: nothing personal")
    sealed = models.BinaryField(help_text="JSON: applicant's name and phone, roster; encrypted")
    state = models.CharField(max_length=8, choices=ApplicationState, default=ApplicationState.SENT)
    reasons = models.TextField(blank=True)
    digest = models.CharField(
        max_length=64,
        unique=True,
        help_text="SHA-256 of the secret that opens it again",
    )
    organisation = models.OneToOneField(
        Organisation, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    sent_at = models.DateTimeField()
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.JSONField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["town", "state", "sent_at"], name="applications_of_town")]

    def __str__(self) -> str:
        return self.name
