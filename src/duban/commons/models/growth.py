"""Training and purchased services that help organisations along."""

import uuid

from django.db import models
from django.db.models import Q

from duban.commons.models.organisations import Organisation


class Course(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    jurisdiction = models.CharField(max_length=15)
    name = models.CharField(max_length=100)
    provider = models.CharField(max_length=100, help_text="the unit that trains")
    begins_on = models.DateField()

    class Meta:
        indexes = [models.Index(fields=["begins_on", "id"], name="courses_by_day")]

    def __str__(self) -> str:
        return self.name


class CourseSession(models.Model):
    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="sessions")
    at = models.DateTimeField()
    topic = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["course", "at"], name="course_session_once")]

    def __str__(self) -> str:
        return self.topic


class CourseAttendance(models.Model):
    """How many of an organisation came to a session; who they were is the roster's."""

    session = models.ForeignKey(CourseSession, on_delete=models.CASCADE, related_name="attendance")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    people = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["session", "organisation"], name="attended_once")]

    def __str__(self) -> str:
        return f"{self.people}"


class Service(models.Model):
    """A purchased service, followed by its milestones."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="services")
    name = models.CharField(max_length=100)
    buyer = models.CharField(max_length=100)
    amount = models.DecimalField(max_digits=12, decimal_places=2, help_text="yuan")
    signed_on = models.DateField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount__gte=0), name="service_costs_nothing_or_more")]
        indexes = [models.Index(fields=["signed_on", "id"], name="services_by_day")]

    def __str__(self) -> str:
        return self.name


class Milestone(models.Model):
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="milestones")
    name = models.CharField(max_length=100)
    due_on = models.DateField()
    met_on = models.DateField(null=True, blank=True)
    evidence = models.CharField(max_length=64, blank=True, help_text="SHA-256 of a photo or document")

    class Meta:
        ordering = ["service", "due_on"]
        indexes = [models.Index(fields=["due_on", "id"], condition=Q(met_on=None), name="milestones_open")]

    def __str__(self) -> str:
        return self.name
