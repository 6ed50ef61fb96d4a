"""What two_towns.py holds of growth: a course, a service and what shows that an organisation has come far."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from duban.access.models import Person
from duban.commons.growth import actions
from duban.commons.growth.actions import Attended, MilestoneDraft
from duban.commons.models import Organisation
from duban.demo.builders import make_photo


def furnish(by: Person, town: str, words: str, now: datetime) -> tuple[dict[str, str], set[str]]:
    """Keys by the part of an address they stand for, and what betrays them.

    What helps an organisation along is public on its page; notes and what shows it are not.
    """
    today = timezone.localdate(now)
    organisation = Organisation.objects.filter(town=town, dissolved_on=None).order_by("added_at", "pk").first()
    assert organisation is not None, "the register is furnished first"
    step = {"by": by, "now": now, "organisation_id": organisation.pk}
    proof = make_photo(sum(map(ord, f"{town}{words}")), by=by)
    actions.set_stage(stage="admitted", on=today - timedelta(days=2), **step)
    actions.set_stage(stage="growing", on=today - timedelta(days=1), evidence=proof, note=f"{words} 成长", **step)
    actions.name_brand(brand=f"{town} 品牌", on=today, **step)
    actions.fill_party(party="guides", unit=f"{town} 居委会", since=today, **step)
    course = actions.make_course(
        by=by, now=now, name=f"{town} 培训", provider=f"{town} 事务所", jurisdiction=town, begins_on=today
    )
    session = actions.add_session(by=by, now=now, course_id=course.pk, at=now, topic=f"{town} 课")
    actions.record_attendance(by=by, now=now, session_id=session.pk, attended=[Attended(organisation.pk, 3)])
    service = actions.sign_service(
        name=f"{town} 服务", buyer=f"{town} 办事处", amount=Decimal(1000), signed_on=today - timedelta(days=9),
        milestones=[MilestoneDraft(f"{town} 报告", today - timedelta(days=1))], **step,
    )  # fmt: skip
    keys = {"<course_id>": str(course.pk), "<service_id>": str(service.pk), "<proof>": proof}
    return keys, {str(course.pk), str(service.pk), proof}
