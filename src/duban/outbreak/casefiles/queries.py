"""Which files somebody sees, and how one is found again."""

import re
import uuid
from collections.abc import Collection, Iterable

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import NotFound
from duban.core.text import folded, is_plain
from duban.outbreak.casefiles.identity import normal_birth_date, normal_document
from duban.outbreak.models import CaseFile, FileKey
from duban.outbreak.people import Tokens, normal_id_number, normal_phone
from duban.places.codes import LENGTHS, outermost, within

SEES = "file.see"
NAME_AND_BIRTH = re.compile(r"(\S+?)[\s,，]*((?:19|20)\d{2})[-年./]?(\d{1,2})[-月./]?(\d{1,2})日?")


def in_scope(codes: Iterable[str]) -> Q:
    """Files of these codes: a county's by its office, a town's by the town, a community's by where people stay.

    One column a code and no range where it can be helped, so that one index finds the rows and sorts them.
    """
    kept = outermost(codes)
    offices = [code for code in kept if len(code) == LENGTHS[0]]
    towns = [code for code in kept if len(code) == LENGTHS[1]]
    condition = within("stay", [code for code in kept if len(code) > LENGTHS[1]])
    if offices:
        condition |= Q(office__in=offices)
    if towns:
        condition |= Q(town__in=towns)
    return condition


def files_for(person: Person) -> QuerySet[CaseFile]:
    """The files the person may see, the newest first; what was merged into another is not among them."""
    scope = in_scope(rights.codes(person, SEES))
    return CaseFile.objects.filter(scope, merged_into=None).order_by("-opened_at", "pk")


def file_for(person: Person, file_id: uuid.UUID) -> CaseFile:
    """One of them, else NotFound (`file_not_found`). The id of a merged file leads to the one it is in now."""
    found = files_for(person).filter(pk=root_of(file_id)).first()
    if found is None:
        raise file_not_found()
    return found


def file_not_found() -> NotFound:
    return NotFound("file_not_found", _("There is no such file, or it is another town's."))


def root_of(file_id: uuid.UUID) -> uuid.UUID:
    """The file that this one is in after all merges; itself where it was not merged."""
    upper = CaseFile.objects.filter(pk=file_id).values_list("merged_into", flat=True).first()
    return file_id if upper is None else root_of(upper)


def own_and_merged(file: CaseFile) -> list[uuid.UUID]:
    """The file's id, and those of all that were merged into it, however many steps below."""
    return [file.pk, *merged_below([file.pk])]


def merged_below(file_ids: Collection[uuid.UUID]) -> list[uuid.UUID]:
    """The ids of all files that lie in these, however deep."""
    found: list[uuid.UUID] = []
    asked = list(file_ids)
    while asked:
        asked = list(CaseFile.objects.filter(merged_into__in=asked).order_by("pk").values_list("pk", flat=True))
        found += asked
    return found


def find(person: Person, text: str) -> QuerySet[CaseFile]:
    """The person's files with this number, ID number, phone, name, or name and date of birth; none for anything else.

    Nothing of what is sealed is read: what is looked for is hashed.
    """
    text = text.strip()
    files = files_for(person)
    if not text or len(text) > 100 or not is_plain(text):
        return files.none()
    if (by_number := files.filter(number=text.upper())).exists():
        return by_number
    tokens = Tokens()
    digests = [tokens.of(kind, value) for kind, value in _looked_for(text) if value]
    if not digests:
        return files.none()
    found = FileKey.objects.filter(digest__in=digests).values_list("file", flat=True)[:500]
    return files.filter(pk__in={root_of(file_id) for file_id in found})


def _looked_for(text: str) -> list[tuple[str, str]]:
    looked_for = [
        ("id_number", normal_id_number(text)),
        ("own_id", normal_document(text)),
        ("phone", normal_phone(text)),
        ("name", folded(text)),
    ]
    if told := NAME_AND_BIRTH.fullmatch(text):
        birth = normal_birth_date(f"{told[2]}-{int(told[3]):02d}-{int(told[4]):02d}")
        if birth:
            looked_for.append(("name_birth", f"{folded(told[1])}:{birth}"))
    return looked_for
