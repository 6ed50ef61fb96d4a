"""How an organisation grew, and how those of an area stand, as a person may see it."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from duban.access import rights
from duban.access.models import Person
from duban.commons.models import (
    ChangeOf,
    Course,
    CourseAttendance,
    CourseSession,
    LifeEvent,
    Milestone,
    Organisation,
    OrganisationKind,
    Party,
    PartyRole,
    Purpose,
    Service,
    Stage,
    Tier,
)
from duban.commons.register.actions import CheckOutcome
from duban.commons.register.queries import SEES
from duban.core import clock
from duban.core.errors import NotFound
from duban.places.codes import within

STAGES = tuple(Stage)
NOT_ADMITTED = pgettext_lazy("stage of incubation", "not in incubation")
LIFE_SHOWN = 200
SESSIONS_SHOWN = 50
CHOICES: dict[str, dict[str, Any]] = {
    ChangeOf.TIER: dict(Tier.choices),
    ChangeOf.KIND: dict(OrganisationKind.choices),
    ChangeOf.PURPOSE: dict(Purpose.choices),
    ChangeOf.CHECK: dict(CheckOutcome.choices),
    ChangeOf.STAGE: dict(Stage.choices) | {"": NOT_ADMITTED},
    ChangeOf.DISSOLVED: {"revived": pgettext_lazy("an organisation", "revived")},
}
"""What the values of a change are called."""
PARTY_DOES: dict[str, Promise] = {
    Party.LEADS: _("the Party's working committee of the street or town"),
    Party.DIRECTS: _("the office of the sub-district or town"),
    Party.GUIDES: _("the residents' committee"),
    Party.ADVISES: _("a professional social organisation"),
    Party.RUNS: _("the residents themselves"),
}
"""Who usually fills the slot."""


# ---- what is in sight -----------------------------------------------------------------------------------------------


def courses_in(codes: Collection[str]) -> QuerySet[Course]:
    """Courses for organisations within the codes, the newest first."""
    return Course.objects.filter(within("jurisdiction", codes)).order_by("-begins_on", "-pk")


def courses_for(person: Person) -> QuerySet[Course]:
    return courses_in(rights.codes(person, SEES))


def course_for(person: Person, course_id: uuid.UUID) -> Course:
    """One of them, else NotFound (`course_not_found`)."""
    found = courses_for(person).filter(pk=course_id).first()
    if found is None:
        raise NotFound("course_not_found", _("There is no such course, or it is not yours to see."))
    return found


def session_for(person: Person, session_id: int, *, lock: bool = False) -> CourseSession:
    """A session of a course in sight, else NotFound (`course_session_not_found`)."""
    found = CourseSession.objects.filter(course__in=courses_for(person).order_by())
    if lock:
        found = found.select_for_update()
    one = found.filter(pk=session_id).first()
    if one is None:
        raise NotFound("course_session_not_found", _("There is no such session, or it is not yours to see."))
    return one


def services_in(codes: Collection[str]) -> QuerySet[Service]:
    """Services of organisations within the codes, the newest first, each with its organisation."""
    found = Service.objects.filter(within("organisation__jurisdiction", codes))
    return found.select_related("organisation").order_by("-signed_on", "-pk")


def services_for(person: Person) -> QuerySet[Service]:
    return services_in(rights.codes(person, SEES))


def service_for(person: Person, service_id: uuid.UUID, *, lock: bool = False) -> Service:
    """One of them, else NotFound (`service_not_found`)."""
    found = services_for(person)
    if lock:
        found = found.select_for_update(of=("self",))
    one = found.filter(pk=service_id).first()
    if one is None:
        raise NotFound("service_not_found", _("There is no such service, or it is not yours to see."))
    return one


def late_milestones(codes: Collection[str], today: date) -> QuerySet[Milestone]:
    """Those that should have been met before today, the latest first."""
    held = within("service__organisation__jurisdiction", codes)
    found = Milestone.objects.filter(held, met_on=None, due_on__lt=today)
    return found.select_related("service__organisation").order_by("due_on", "pk")


# ---- one organisation -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """A line of the life line. `words` says from what to what, in the reader's language."""

    event: LifeEvent
    label: str | Promise
    before: str | Promise
    after: str | Promise


@dataclass(frozen=True)
class Step:
    """A stage of incubation: when it was reached, and whether the organisation stands there now."""

    stage: str
    label: str | Promise
    reached: LifeEvent | None
    here: bool


@dataclass(frozen=True)
class Slot:
    party: str
    label: str | Promise
    usually: Promise
    held: PartyRole | None


@dataclass(frozen=True)
class Came:
    """How many of the organisation came to a session of a course."""

    session: CourseSession
    people: int


@dataclass(frozen=True)
class MilestoneShown:
    milestone: Milestone
    late: bool


@dataclass(frozen=True)
class ServiceShown:
    service: Service
    milestones: list[MilestoneShown]

    @property
    def met(self) -> int:
        return sum(one.milestone.met_on is not None for one in self.milestones)

    @property
    def late(self) -> int:
        return sum(one.late for one in self.milestones)


@dataclass(frozen=True)
class Belonging:
    """What belongs to a federation."""

    organisations: int
    members: int
    clubs: int
    studios: int


@dataclass(frozen=True)
class Growth:
    """What commons/growth_of.html shows, under the name `growth`."""

    organisation: Organisation
    life: list[Change]
    steps: list[Step]
    slots: list[Slot]
    came: list[Came]
    services: list[ServiceShown]
    belonging: Belonging | None

    @property
    def empty(self) -> int:
        return sum(slot.held is None for slot in self.slots)

    @property
    def asks_for_parties(self) -> bool:
        return asks_for_parties(self.organisation)


def asks_for_parties(organisation: Organisation) -> bool:
    """A federation, and whoever is helped along, has five slots that somebody must fill."""
    return bool(organisation.stage) or organisation.kind == OrganisationKind.FEDERATION


# Greater than nothing, not other than nothing: an index answers that.
IN_INCUBATION = Q(stage__gt="")
ASKS_FOR_PARTIES = Q(kind=OrganisationKind.FEDERATION) | IN_INCUBATION


def growth_of(organisation: Organisation) -> Growth:
    """The life line, stages, slots, courses and services of one organisation. Whether it may be seen is asked before.

    Put it into the context as `growth` and include commons/growth_of.html, with `public` true on a public page.
    """
    today = timezone.localdate(clock.now())
    life = list(organisation.life.order_by("on", "pk")[:LIFE_SHOWN])
    milestones = Milestone.objects.order_by("due_on", "pk")
    services = organisation.services.order_by("-signed_on", "-pk").prefetch_related(Prefetch("milestones", milestones))
    attendance = CourseAttendance.objects.filter(organisation=organisation).select_related("session__course")
    return Growth(
        organisation=organisation,
        life=[change_shown(event) for event in life],
        steps=_steps(organisation, life),
        slots=_slots(organisation.parties.filter(until=None)),
        came=[Came(one.session, one.people) for one in attendance.order_by("-session__at", "-pk")[:SESSIONS_SHOWN]],
        services=[service_shown(one, one.milestones.all(), today) for one in services],
        belonging=_belonging(organisation),
    )


def change_shown(event: LifeEvent) -> Change:
    words = CHOICES.get(event.what, {})
    founded = event.what == ChangeOf.FOUNDED
    return Change(
        event=event,
        label=event.get_what_display(),
        before="" if founded else words.get(event.before, event.before),
        after="" if founded else words.get(event.after, event.after),
    )


def _steps(organisation: Organisation, life: Sequence[LifeEvent]) -> list[Step]:
    # The last time counts: who fell back reaches a stage again.
    reached: dict[str, LifeEvent] = {}
    for event in life:
        if event.what == ChangeOf.STAGE:
            for later in STAGES[_place(event.after) :]:
                reached.pop(later, None)
            if event.after:
                reached[event.after] = event
    return [Step(stage, stage.label, reached.get(stage), stage == organisation.stage) for stage in STAGES]


def _place(stage: str) -> int:
    """Of the stage among all, 0 where there is none."""
    return STAGES.index(Stage(stage)) if stage else 0


def _slots(roles: Collection[PartyRole]) -> list[Slot]:
    held = {role.party: role for role in roles}
    return [Slot(party, party.label, PARTY_DOES[party], held.get(party)) for party in Party]


def service_shown(service: Service, milestones: Collection[Milestone], today: date) -> ServiceShown:
    return ServiceShown(service, [MilestoneShown(one, one.met_on is None and one.due_on < today) for one in milestones])


def _belonging(organisation: Organisation) -> Belonging | None:
    if organisation.kind != OrganisationKind.FEDERATION:
        return None
    there = organisation.belonging.filter(dissolved_on=None).values("kind")
    groups = list(there.annotate(n=Count("pk"), people=Sum("members")).order_by("kind"))
    if not groups:
        return None
    kinds = {group["kind"]: group["n"] for group in groups}
    return Belonging(
        organisations=sum(kinds.values()),
        members=sum(group["people"] for group in groups),
        clubs=kinds.get(OrganisationKind.CLUB, 0),
        studios=kinds.get(OrganisationKind.STUDIO, 0),
    )
