"""What two_towns.py holds of volunteering: one of each of its things, made by a town's community worker.

Activities are public as soon as they are announced, so this one is over for long and stands in no public list.
"""

import uuid
from datetime import datetime, timedelta

from duban.access.models import Person
from duban.commons.contact import Contact
from duban.commons.volunteering import actions
from duban.commons.volunteering.actions import ActivityDraft, Certified, ShiftDraft

PHONE = "13800005678"
"""The same person helps in every town; no town sees of the other."""


def furnish(by: Person, town: str, words: str, now: datetime) -> tuple[dict[str, str], set[str]]:
    """Keys by the part of an address they stand for, and what betrays them."""
    begins = now - timedelta(days=50)
    announced = begins - timedelta(days=5)
    draft = ActivityDraft(
        title=f"{words} 大扫除", organiser=f"{words} 居委会", place=f"{words} 楼前", jurisdiction=town,
        lon=116.8001, lat=39.8, shifts=(ShiftDraft(begins, begins + timedelta(hours=3), 2),),
    )  # fmt: skip
    activity = actions.announce_activity(by=by, now=announced, draft=draft)
    shift = activity.shifts.get()
    came, told, _waits = (
        actions.sign_up(
            now=announced, shift_id=shift.pk, contact=Contact(f"志愿者{number}{words}", phone), sign_up_id=uuid.uuid4()
        )
        for number, phone in enumerate((PHONE, "13800005679", "13800005670"))
    )
    for one in (came, told):
        actions.check_in(now=begins, secret=one.secret, token=shift.token)
    row = Certified(came.sign_up.pk, 150, f"{words} 清理")
    record = actions.certify_hours(by=by, now=begins + timedelta(hours=4), shift_id=shift.pk, rows=[row])[0]
    keys = {
        "<activity_id>": str(activity.pk),
        "<open_activity_id>": str(activity.pk),
        "<shift_id>": str(shift.pk),
        "<shift_token>": shift.token,
        "<sign_up_secret>": came.secret,
        "<record_id>": str(record.pk),
        "<record_code>": record.code,
    }
    return keys, {str(activity.pk), str(shift.pk), shift.token, came.secret, record.number, record.code}
