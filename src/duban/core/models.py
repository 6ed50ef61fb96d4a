"""The audit trail: who did what to what, the actor kept by value so that it outlives the account."""

from django.db import models


class AuditRecord(models.Model):
    at = models.DateTimeField()
    actor = models.JSONField(help_text="username, name and roles as they were then")
    action = models.CharField(max_length=64)
    subject_type = models.CharField(max_length=64)
    subject_id = models.CharField(max_length=64)
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["subject_type", "subject_id", "at"], name="audit_by_subject"),
            models.Index(fields=["at"], name="audit_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.action} {self.subject_type} {self.subject_id}"
