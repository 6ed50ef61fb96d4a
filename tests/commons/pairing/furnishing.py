"""What two_towns.py holds of pairing: one of each of its things, made by a town's community worker."""

import uuid
from datetime import datetime, timedelta

from tests.commons.building import make_place

from duban.access.models import Person
from duban.commons.contact import Contact
from duban.commons.pairing import actions
from duban.commons.pairing.actions import NeedDraft
from duban.demo.builders import make_photo


def furnish(by: Person, town: str, words: str, now: datetime) -> tuple[dict[str, str], set[str]]:
    """Keys by the part of an address they stand for, and what betrays them."""
    code, seed = f"{town}001", int(town[-3:])
    shown, coming = make_photo(7000 + seed, by=by), make_photo(8000 + seed, by=by)
    place = make_place(f"{words} 单元", code=code)
    draft = NeedDraft(
        f"{words} 作品",
        "幅",
        60,
        now.date() + timedelta(days=20),
        code,
        text=f"{words} 说明",
        place_id=place.pk,
        before=shown,
    )
    need = actions.post_need(by=by, now=now, draft=draft)
    contact = Contact(f"{words} 老师", "13800138000")
    made = actions.pledge(
        now=now, need_id=need.pk, partner=f"{words} 中学", contact=contact, number=40, pledge_id=uuid.uuid4()
    )
    seen = actions.deliver(now=now, secret=made.secret, number=10, photos=[shown])
    actions.verify_delivery(by=by, now=now, delivery_id=seen.pk, good=True)
    delivery = actions.deliver(now=now, secret=made.secret, number=5, photos=[coming])
    pairing = actions.pair(
        by=by, now=now, jurisdiction=code, partner=f"{words} 单位", signed_on=now.date(), text=f"{words} 协议"
    )
    keys = {
        "<need_id>": str(need.pk),
        "<open_need>": str(need.pk),
        "<need_photo>": coming,
        "<shown_photo>": shown,
        "<pledge_id>": str(made.pledge.pk),
        "<pledge_secret>": made.secret,
        "<delivery_id>": str(delivery.pk),
        "<pairing_id>": str(pairing.pk),
    }
    return keys, {str(need.pk), str(made.pledge.pk), str(pairing.pk), shown, coming}
