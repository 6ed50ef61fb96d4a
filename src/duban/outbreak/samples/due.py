"""Who waits for an officer or a team: single positives to confirm, people to be sampled again where they are."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from duban.access import rights
from duban.access.models import Person
from duban.outbreak.casefiles.queries import in_scope
from duban.outbreak.models import CaseFile, FileState, Result, Swab
from duban.outbreak.samples import outcome
from duban.outbreak.samples.outcome import Taken
from duban.outbreak.samples.queries import TAKES, families, in_parts, roots, taken_of


@dataclass(frozen=True)
class Waiting:
    """One person, and the swab that asks for something."""

    file: CaseFile
    swab: Swab


def to_sample_again(person: Person) -> list[Waiting]:
    """Whom somebody must sample again where they are, alone: the longest waiting first."""
    return _of_each(_people(person), outcome.to_sample_again)


def to_confirm(person: Person) -> list[Waiting]:
    """Whose single tube was positive and who is not a confirmed case yet."""
    return _of_each(_people(person), outcome.cases_to_confirm)


def _people(person: Person) -> dict[uuid.UUID, CaseFile]:
    """Those of the person's area who wait because of a result that nothing has answered yet."""
    answers = Swab.objects.filter(follows=OuterRef("pk"), tube__voided_at=None)
    bad = Swab.objects.filter(~Exists(answers), tube__voided_at=None).exclude(tube__result__in=("", Result.NEGATIVE))
    waits = bad.filter(Q(file__waiting_since__isnull=False) | Q(file__merged_into__isnull=False))
    scope = in_scope(rights.codes(person, TAKES))
    found: dict[uuid.UUID, CaseFile] = {}
    for part in in_parts(roots(waits.values_list("file_id", flat=True).distinct())):
        files = CaseFile.objects.filter(
            scope, pk__in=part, state=FileState.OPEN, confirmed_at=None, waiting_since__isnull=False
        )
        found |= files.in_bulk()
    return found


def _of_each(people: Mapping[uuid.UUID, CaseFile], asks: outcome.Asks) -> list[Waiting]:
    asked: dict[int, uuid.UUID] = {}
    for key, taken in _taken(people).items():
        asked |= {one.swab: key for one in asks(taken)}
    found = [
        Waiting(people[asked[swab.pk]], swab)
        for part in in_parts(asked)
        for swab in Swab.objects.select_related("tube__point").filter(pk__in=part)
    ]
    return sorted(found, key=lambda one: (one.file.waiting_since, one.swab.pk))


def _taken(people: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Taken]]:
    whose = families(people)
    found: dict[uuid.UUID, list[Taken]] = {}
    for key, taken in taken_of(whose).items():
        found.setdefault(whose[key], []).extend(taken)
    return found
