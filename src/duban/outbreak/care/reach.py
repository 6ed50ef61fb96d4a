"""Which files a person may act on: the office's, the town's, or those who stay in their community."""

import uuid

from duban.access import rights
from duban.access.models import Person
from duban.outbreak.casefiles.queries import file_for
from duban.outbreak.models import CaseFile
from duban.places.codes import LENGTHS


def may_for(person: Person, permission: str, file: CaseFile) -> bool:
    """Whether `person` may do this with the file, by the column that decides who sees it."""
    return any(_reaches(code, file) for code in rights.codes(person, permission))


def file_to(person: Person, permission: str, file_id: uuid.UUID) -> CaseFile:
    """The file, locked, for who may do this with it.

    Raises NotFound (`file_not_found`) where it is not theirs to see, NotAllowed (`not_allowed`) where only to see.
    """
    file = CaseFile.objects.select_for_update().get(pk=file_for(person, file_id).pk)
    if not may_for(person, permission, file):
        rights.require(person, permission, file.town)
    return file


def _reaches(code: str, file: CaseFile) -> bool:
    if len(code) <= LENGTHS[0]:
        return file.office.startswith(code)
    return file.town == code if len(code) == LENGTHS[1] else file.stay.startswith(code)
