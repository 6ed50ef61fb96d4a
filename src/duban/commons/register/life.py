"""The life line of an organisation: dated changes, appended and never altered."""

from datetime import date, datetime

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.commons.models import ChangeOf, LifeEvent, Organisation
from duban.commons.register.drafts import BadOrganisation
from duban.core.audit import Actor

LONGEST, LONGEST_NOTE = 100, 300


def append_change(
    organisation: Organisation,
    what: ChangeOf,
    on: date,
    before: str,
    after: str,
    *,
    by: Actor,
    now: datetime,
    note: str = "",
) -> LifeEvent:
    """Write one change down; the caller has locked the organisation and says what it now is."""
    return LifeEvent.objects.create(
        organisation=organisation,
        what=what,
        on=on,
        before=before[:LONGEST],
        after=after[:LONGEST],
        note=note[:LONGEST_NOTE],
        by=by.as_actor(),
        at=now,
    )


def require_day(organisation: Organisation, on: date, now: datetime) -> None:
    """Raises BadOrganisation (`day_ahead`, `day_before_founding`): a change has happened, and after the founding."""
    if on > timezone.localdate(now):
        raise BadOrganisation(
            "day_ahead", _("This day has not come yet; give the day on which it happened."), field="on"
        )
    if organisation.founded is not None and on < organisation.founded:
        raise BadOrganisation(
            "day_before_founding", _("That is before the organisation was founded; mend the day or the founding."),
            field="on",
        )  # fmt: skip
