"""Forms of growth: they read what was typed; whether it is right the actions say, and a refusal lands at its field."""

import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from duban.access.models import Person
from duban.commons.growth.actions import MAX_ATTENDANCE, Attended, BadGrowth, MilestoneDraft
from duban.commons.growth.queries import NOT_ADMITTED
from duban.commons.models import Organisation, Party, Purpose, Stage
from duban.commons.register.queries import visible_to
from duban.core.errors import DubanError
from duban.core.forms import Choices, NeededField
from duban.core.tables import in_zone, parse_moment
from duban.core.text import folded, is_plain
from duban.evidence.actions import discard_photos, store_photo

PICTURES = "image/jpeg,image/png,image/heic,image/heif"
MAX_LINE = 200


class DayField(NeededField):
    """A day; what is none is refused at the field (`bad_days`)."""

    widget = forms.DateInput(attrs={"type": "date"})

    def to_python(self, value: Any) -> Any:
        if isinstance(value, date):
            return value
        return read_day(super().to_python(value) or "")

    def prepare_value(self, value: Any) -> Any:
        return value.isoformat() if isinstance(value, date) else value


def read_day(text: str) -> date:
    try:
        found = parse_date(text.strip())
    except ValueError:
        found = None
    if found is None:
        raise forms.ValidationError(_("This is not a day; write 2021-01-20."), code="bad_days")
    return found


class MomentField(NeededField):
    """A day and an hour by the office's clock (`bad_time`)."""

    widget = forms.TextInput(attrs={"type": "datetime-local"})

    def to_python(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return value
        found = parse_moment((super().to_python(value) or "").strip())
        if found is None:
            raise forms.ValidationError(_("This is not a time; write 2021-01-20 09:30."), code="bad_time")
        return in_zone(found)


class EvidenceForm(forms.Form):
    """What shows it: a photo that is sent along, or a document of the organisation that is there already."""

    use_required_attribute = False

    evidence = forms.FileField(
        label=gettext_lazy("Photo that shows it"), required=False, widget=forms.FileInput(attrs={"accept": PICTURES})
    )
    document = forms.ChoiceField(label=gettext_lazy("or one of its documents"), required=False)

    def __init__(self, data: Any = None, files: Any = None, *, documents: Choices, today: date, prefix: str):
        super().__init__(data, files, initial={"on": today.isoformat(), "met_on": today.isoformat()}, prefix=prefix)
        field: Any = self.fields["document"]
        field.choices = [("", gettext_lazy("none")), *documents]
        if not documents:
            del self.fields["document"]

    @contextmanager
    def shown_by(self, by: Person, now: datetime) -> Iterator[str]:
        """The digest of the evidence; a photo that came along is let go again where the action refuses."""
        file = self.cleaned_data.get("evidence")
        if file is None:
            yield self.cleaned_data.get("document") or ""
            return
        try:
            photo = store_photo(by=by, now=now, data=file.read())
        except DubanError as refusal:
            refusal.field = "evidence"
            raise
        try:
            yield photo.sha256
        except Exception:
            discard_photos(by=by, now=now, sha256s=[photo.sha256])
            raise


class StageForm(EvidenceForm):
    stage = forms.ChoiceField(label=gettext_lazy("Stage"), required=False)
    on = DayField(label=pgettext_lazy("a day", "Since"))
    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        help_text=gettext_lazy("A step back, or out of incubation, needs the reason."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, organisation: Organisation, **options: Any):
        super().__init__(*args, prefix="stage", **options)
        field: Any = self.fields["stage"]
        at = Stage.values.index(organisation.stage) + 1 if organisation.stage else 0
        offered = [choice for place, choice in enumerate(Stage.choices, start=1) if place <= at + 1 and place != at]
        field.choices = [*reversed(offered), *([("", NOT_ADMITTED)] if organisation.stage else [])]
        if not self.is_bound and offered:
            field.initial = offered[-1][0]


class PurposeForm(EvidenceForm):
    purpose = forms.ChoiceField(label=pgettext_lazy("of an organisation", "Purpose"), required=False)
    on = DayField(label=pgettext_lazy("a day", "Since"))
    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        help_text=gettext_lazy("Turning to self-governance needs evidence, anything else a word of why."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, organisation: Organisation, **options: Any):
        super().__init__(*args, prefix="purpose", **options)
        field: Any = self.fields["purpose"]
        field.choices = [choice for choice in reversed(Purpose.choices) if choice[0] != organisation.purpose]


class BrandForm(forms.Form):
    use_required_attribute = False

    brand = forms.CharField(label=gettext_lazy("Name it is known by"), required=False)
    on = DayField(label=pgettext_lazy("a day", "Since"))

    def __init__(self, data: Any = None, *, organisation: Organisation, today: date):
        super().__init__(data, initial={"brand": organisation.brand, "on": today.isoformat()}, prefix="brand")


class PartyForm(forms.Form):
    """Who holds a slot from that day on; left empty, the slot is empty from then."""

    use_required_attribute = False

    party = forms.ChoiceField(label=gettext_lazy("Party"), choices=Party.choices)
    unit = forms.CharField(
        label=gettext_lazy("Office or organisation"),
        required=False,
        help_text=gettext_lazy("No person. Left empty: whoever holds the slot leaves it."),
    )
    since = DayField(label=pgettext_lazy("a day", "Since"))

    def __init__(self, data: Any = None, *, today: date, party: str = ""):
        super().__init__(data, initial={"since": today.isoformat(), "party": party}, prefix="party")


# ---- courses --------------------------------------------------------------------------------------------------------


class CourseForm(forms.Form):
    """`id` is made before the first press, so that a second press is a replay and no second course."""

    use_required_attribute = False

    id = forms.UUIDField(widget=forms.HiddenInput)
    name = NeededField(label=gettext_lazy("Name of the course"))
    provider = NeededField(label=gettext_lazy("Who trains"))
    jurisdiction = NeededField(label=gettext_lazy("For the organisations of"), widget=forms.Select)
    begins_on = DayField(label=gettext_lazy("Begins on"))

    def __init__(self, data: Any = None, *, areas: Sequence[tuple[str, str]], today: date):
        super().__init__(data, initial={"id": uuid.uuid4(), "begins_on": today.isoformat()})
        self.fields["jurisdiction"].widget.choices = areas


class SessionForm(forms.Form):
    use_required_attribute = False

    topic = NeededField(label=gettext_lazy("Topic"))
    at = MomentField(label=gettext_lazy("When"))

    def __init__(self, data: Any = None, *, now: datetime):
        noon = timezone.localtime(now).replace(hour=9, minute=30)
        super().__init__(data, initial={"at": f"{noon:%Y-%m-%dT%H:%M}"}, prefix="session")


class AttendanceForm(forms.Form):
    use_required_attribute = False

    attended = forms.CharField(
        label=gettext_lazy("Who came"),
        required=False,
        help_text=gettext_lazy("An organisation a line: its name or number, a blank, how many came. 0 takes it back."),
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
    )

    def __init__(self, data: Any = None, *, session_id: int):
        super().__init__(data, prefix=f"came-{session_id}")


def read_attendance(person: Person, text: str) -> list[Attended]:
    """The lines as organisations that the person may see; raises BadGrowth with the line at fault.

    `attendance_missing`, `too_many_lines`, `bad_line`, `unknown_name`, `name_of_several`.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise BadGrowth("attendance_missing", _("Write down at least one organisation."), field="attended")
    if len(lines) > MAX_ATTENDANCE:
        raise BadGrowth("too_many_lines", _("At most 500 lines at once."), field="attended")
    said = [(number, *_name_and_people(number, line)) for number, line in lines]
    named: dict[str, set[uuid.UUID]] = {}
    sight = visible_to(person).filter(dissolved_on=None)
    keys = {folded(name) for _number, name, _people in said}
    for pk, key in sight.filter(name_key__in=keys).values_list("pk", "name_key"):
        named.setdefault(key, set()).add(pk)
    numbers = {name for _number, name, _people in said}
    for pk, filed in sight.filter(filing_number__in=numbers).values_list("pk", "filing_number"):
        named.setdefault(folded(filed), set()).add(pk)
    found = []
    for number, name, people in said:
        there = named.get(folded(name), set())
        if not there:
            raise BadGrowth(
                "unknown_name",
                _("Line %(line)d: no organisation that you may see is called “%(name)s”.")
                % {"line": number, "name": name},
                field="attended",
                row=number,
            )
        if len(there) > 1:
            raise BadGrowth(
                "name_of_several",
                _("Line %(line)d: several are called “%(name)s”; write its filing number instead.")
                % {"line": number, "name": name},
                field="attended",
                row=number,
            )
        found.append(Attended(next(iter(there)), people, number))
    return found


def _name_and_people(number: int, line: str) -> tuple[str, int]:
    found = re.fullmatch(r"(.+?)[\s,，、:：]+(\d{1,6})\s*人?", line)
    if found is None or len(line) > MAX_LINE or not is_plain(line) or not found[2].isascii():
        raise BadGrowth(
            "bad_line",
            _("Line %(line)d: write the name, a blank, and how many came.") % {"line": number},
            field="attended",
            row=number,
        )
    return found[1].strip(), int(found[2])


# ---- purchased services ---------------------------------------------------------------------------------------------


class AmountField(NeededField):
    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def to_python(self, value: Any) -> Any:
        text: str = (super().to_python(value) or "").replace(",", "").replace("，", "").removesuffix("元").strip()
        try:
            found = Decimal(text) if text.isascii() and len(text) <= 20 else None
        except InvalidOperation:
            found = None
        if found is None:
            raise forms.ValidationError(_("Say the amount in yuan, 0 or more."), code="bad_amount")
        return found


class ServiceForm(forms.Form):
    """`id` is made before the first press, so that a second press is a replay and no second service."""

    use_required_attribute = False

    id = forms.UUIDField(widget=forms.HiddenInput)
    name = NeededField(label=gettext_lazy("What is bought"))
    buyer = NeededField(label=gettext_lazy("Who buys it"))
    amount = AmountField(label=gettext_lazy("Amount in yuan"))
    signed_on = DayField(label=gettext_lazy("Signed on"))
    milestones = forms.CharField(
        label=gettext_lazy("Milestones"),
        required=False,
        help_text=gettext_lazy("One a line: what is to be brought, a blank, by which day: Five trainings 2021-06-30"),
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def __init__(self, data: Any = None, *, today: date):
        super().__init__(data, initial={"id": uuid.uuid4(), "signed_on": today.isoformat()})


class MilestoneForm(forms.Form):
    use_required_attribute = False

    name = NeededField(label=gettext_lazy("What is to be brought"))
    due_on = DayField(label=gettext_lazy("Due on"))

    def __init__(self, data: Any = None, *, today: date):
        super().__init__(data, initial={"due_on": today.isoformat()}, prefix="milestone")


class MeetForm(EvidenceForm):
    met_on = DayField(label=gettext_lazy("Brought on"))


def read_milestones(text: str) -> list[MilestoneDraft]:
    """The lines as milestones; raises BadGrowth (`bad_line`) with the line at fault."""
    drafts = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        found = re.fullmatch(r"(.+?)[\s,，、:：]+(\d{4}-\d{1,2}-\d{1,2})", line.strip())
        try:
            day = parse_date(found[2]) if found and found[2].isascii() else None
        except ValueError:
            day = None
        if found is None or day is None or len(line) > MAX_LINE or not is_plain(line):
            raise BadGrowth(
                "bad_line",
                _("Line %(line)d: write what is to be brought, a blank, and the day as 2021-06-30.") % {"line": number},
                field="milestones",
                row=number,
            )
        drafts.append(MilestoneDraft(found[1].strip(), day, number))
    return drafts
