"""What the office is told of what residents did: an application came, somebody moved up from a waiting list."""

from django.db import models
from django.db.models import Q

from duban.access.models import Person
from duban.commons.models.organisations import Application
from duban.commons.models.volunteering import Shift


class DeskNotice(models.Model):
    """That there is something new at an application or a shift; no word of who did it."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    application = models.ForeignKey(Application, on_delete=models.CASCADE, null=True, related_name="+")
    shift = models.ForeignKey(Shift, on_delete=models.CASCADE, null=True, related_name="+")
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(application=None, shift__isnull=False) | Q(application__isnull=False, shift=None),
                name="desk_notice_of_one_thing",
            ),
            models.UniqueConstraint(
                fields=["person", "application"], condition=Q(read_at=None), name="application_told_once"
            ),
            models.UniqueConstraint(fields=["person", "shift"], condition=Q(read_at=None), name="shift_told_once"),
        ]
        indexes = [
            models.Index(fields=["person"], condition=Q(mailed_at=None, read_at=None), name="desk_notices_to_mail")
        ]

    def __str__(self) -> str:
        return str(self.application_id or self.shift_id)
