"""What each figure of the daily report is called, and what exactly it counts: printed beside the numbers."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from duban.outbreak.models import Measure

HEADS: dict[str, Promise | str] = {
    "followed": pgettext_lazy("people", "followed"),
    "new": pgettext_lazy("people", "new"),
    "reached": pgettext_lazy("people", "reached"),
    "tested": pgettext_lazy("people", "sampled"),
    "positive": pgettext_lazy("people", "positive"),
    "waiting": pgettext_lazy("people", "waiting for a result"),
    **{str(one.value): one.label for one in Measure},
    "none": _("no measure"),
    "released": pgettext_lazy("people", "released"),
    "closed": pgettext_lazy("people", "closed for another reason"),
    "alerts": _("alerts"),
    "missing_reports": _("missing reports"),
}
MEANINGS: dict[str, Promise] = {
    "followed": _(
        "Who is followed when the day ends: those of the day before, and the new, less who was released or closed."
    ),
    "new": _("Whose file was opened on the day, or whose earlier release was taken back on it."),
    "reached": _("Who was spoken to for the first time on the day."),
    "tested": _("Who had a swab taken on the day."),
    "positive": _("Who had a positive result on the day in a tube of their own; a pool says nothing of its members."),
    "waiting": _("Who is followed and has no result that settles their last swab when the day ends."),
    "none": _("Who is followed without a plan: a confirmed case in hospital, or nothing asks for a measure."),
    "closed": _("Whose file was closed on the day for another reason than release."),
    "alerts": _("Fever, symptoms and silence for which an alert was raised on the day."),
    "missing_reports": _("Reports of temperature that the plans asked for and that had not come when the day ended."),
}
NOTES = (
    _("Each day is counted from the rows as they were when it ended, so that a past day comes out the same again."),
    _("Which town looks after somebody, and which files are one, is as known now."),
    _("Everybody who is followed is in one measure or in none; after its last day a measure holds until the release."),
)
