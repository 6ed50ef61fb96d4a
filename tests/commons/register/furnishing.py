"""What two_towns.py holds of register: one of each of its things, made by a town's community worker."""

import uuid
from datetime import datetime

from django.core.files.uploadedfile import SimpleUploadedFile
from tests.commons.register.building import JPEG, list_places, make_application, make_organisation

from duban.access.models import Person
from duban.commons.register import documents, roster, tasks
from duban.commons.register.roster import MemberDraft
from duban.ledger import jobs

TOWNS = ("110112110001", "110112106001")
"""Both are on the list of places from the beginning, which is no secret."""


def furnish(by: Person, town: str, words: str, now: datetime) -> tuple[dict[str, str], set[str]]:
    """Keys by the part of an address they stand for, and what betrays them.

    What an organisation is called is public; who belongs to it, its files and what is only applied for are not.
    """
    list_places(*TOWNS)
    one = make_organisation(by, f"{town} 服务队", at=f"{town}001", now=now, filing_number=f"{town}-1")
    roster.add_members(
        by=by, now=now, organisation_id=one.pk, drafts=[MemberDraft("成员", "13800001234", f"{words} 人")]
    )
    kept = documents.keep_document(
        by=by, now=now, organisation_id=one.pk, kind="charter", name=f"{words}.jpg", data=JPEG
    )
    applied, secret = make_application(f"{words} 队", at=f"{town}001", now=now, charter=JPEG)
    table = f"name,tier,category,jurisdiction\n{words} 新队,guided,{words},{town}001\n{words},x,y,{town}\n"
    file = SimpleUploadedFile(f"{words} 组织.csv", table.encode())
    job = jobs.make_job(by=by, now=now, language="en", table=file, kind=tasks.KIND)
    tasks.check_job(job.id)
    keys = {
        "<organisation_id>": str(one.pk),
        "<public_id>": str(one.pk),
        "<filing_token>": one.token,
        "<document_id>": str(kept.pk),
        "<application_id>": str(applied.pk),
        "<application_secret>": secret,
        "<sheet_id>": job.id,
    }
    return keys, {str(applied.pk), secret, job.id, str(uuid.UUID(job.id))}
