"""What tests of volunteering build on: an activity with a shift, and people who sign up by the page."""

import re
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.test import Client
from tests.commons.building import COMMUNITY

from duban.access.models import Person
from duban.commons.contact import Contact
from duban.commons.models import Shift
from duban.commons.secrets import new_secret
from duban.commons.volunteering import actions
from duban.commons.volunteering.actions import ActivityDraft, ShiftDraft, SignedUp
from duban.demo.builders import NOON

BEGINS = NOON + timedelta(days=2)
ENDS = BEGINS + timedelta(hours=3)


def draft(*shifts: ShiftDraft, places: int = 2, **more: Any) -> ActivityDraft:
    facts = {"title": "环境卫生大扫除", "organiser": "艺苑西里居委会", "place": "3号楼北侧", "jurisdiction": COMMUNITY}
    return ActivityDraft(**facts | {"shifts": shifts or (ShiftDraft(BEGINS, ENDS, places),)} | more)


def announce(worker: Person, places: int = 2, now: datetime = NOON, **more: Any) -> Shift:
    """An activity with one shift."""
    return actions.announce_activity(by=worker, now=now, draft=draft(places=places, **more)).shifts.get()


def join(shift: Shift, number: int = 1, now: datetime = NOON, name: str = "", phone: str = "") -> SignedUp:
    contact = Contact(name or f"志愿者{number}", phone or f"1380013{number:04d}")
    return actions.sign_up(now=now, shift_id=shift.pk, contact=contact, sign_up_id=uuid.uuid4())


def anybody(language: str = "en") -> Client:
    """A browser of its own."""
    return Client(headers={"accept-language": language})


def form(shift: Shift, name: str = "王秀兰", phone: str = "138 0013 8000") -> dict[str, str]:
    """What the page's form sends."""
    return {"id": str(uuid.uuid4()), "key": new_secret(), "shift": str(shift.pk), "name": name, "phone": phone}


def sign_up(browser: Client, shift: Shift, **more: str) -> str:
    """By the page; the secret of the own page."""
    answer = browser.post(f"/volunteer/{shift.activity_id}/", form(shift) | more)
    assert answer.status_code == 302, answer.content.decode()
    return re.fullmatch(r"/volunteer/mine/([\w-]{22})/\?done=in", answer["Location"])[1]


def text(answer: Any) -> str:
    return answer.content.decode()
