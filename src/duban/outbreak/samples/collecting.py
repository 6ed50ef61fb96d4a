"""Taking samples: a tube is opened, people are added to it one by one, and when it is full or somebody says so it is
sealed. Until then a swab can be taken out again; afterwards only the whole tube can be given up."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, NotAllowed
from duban.outbreak.casefiles.queries import file_for
from duban.outbreak.measures.todo import reopen_task, settle_tasks
from duban.outbreak.models import (
    Appointment,
    CaseFile,
    FileState,
    SamplingPoint,
    Swab,
    Task,
    TaskKind,
    TaskState,
    Tube,
)
from duban.outbreak.samples import outcome
from duban.outbreak.samples.codes import BadTube, is_issued, issue_codes, read_code
from duban.outbreak.samples.queries import (
    AGAIN,
    MANAGES,
    SINGLE_WORDS,
    TAKES,
    families,
    point_for,
    reaches,
    single_only,
    taken_of,
    tube_for,
    tube_not_found,
)
from duban.outbreak.samples.settling import settle_people
from duban.places.codes import LENGTHS, normalise_code

SIZES = (1, 5, 10)


class NotPooled(Conflict):
    """The person may not be in a tube with others; `reason` is a key of SINGLE_WORDS."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "not_pooled", _("Not in a pool: %(reason)s. Open a tube for one.") % {"reason": SINGLE_WORDS[reason]}
        )
        self.reason = reason


@transaction.atomic
def open_tube(
    *, by: Person, now: datetime, size: int, town: str, point: SamplingPoint | None = None, code: str = ""
) -> Tube:
    """A tube for at most `size` people (1, 5 or 10). Without a `code` from a printed label it gets the next one.

    Raises NotAllowed (`not_allowed`), BadCode (`bad_code`), NotFound (`point_not_found`), BadTube (`bad_tube_size`,
    `bad_tube_code`, `tube_code_not_issued`), Conflict (`point_closed`, `tube_code_used`).
    """
    town = normalise_code(town, field="town")
    if not reaches(by, TAKES, town):
        rights.require(by, TAKES, town)
    if size not in SIZES:
        raise BadTube("bad_tube_size", _("A tube holds 1, 5 or 10 swabs."), field="size")
    if point is not None:
        point = _open_point(by, now, point, town)
    office = point.office if point is not None else town[: LENGTHS[0]]
    tube = Tube(
        code=_code(code, office, now),
        office=office,
        town=town,
        point=point,
        size=size,
        opened_at=now,
        opened_by=by.as_actor(),
    )
    tube.save(force_insert=True)
    _note("open_tube", by=by, now=now, tube=tube, size=size)
    return tube


def _open_point(by: Person, now: datetime, point: SamplingPoint, town: str) -> SamplingPoint:
    found = point_for(by, point.pk)
    if found.town != town:
        raise BadTube("point_elsewhere", _("This sampling point lies in another town."), field="point")
    if found.closed_on is not None and found.closed_on <= timezone.localtime(now).date():
        raise Conflict("point_closed", _("This sampling point is closed."), field="point")
    return found


def _code(text: str, office: str, now: datetime) -> str:
    if not text.strip():
        return issue_codes(office, now=now, number=1)[0]
    code = read_code(text)
    if not is_issued(code):
        raise BadTube(
            "tube_code_not_issued", _("No label with this code was printed here; print labels first."), field="code"
        )
    if Tube.objects.filter(code=code).exists():
        raise Conflict("tube_code_used", _("There is a tube with this code already."), field="code")
    return code


# ---- people in a tube -----------------------------------------------------------------------------------------------


@transaction.atomic
def add_swab(*, by: Person, now: datetime, tube_id: uuid.UUID, file_id: uuid.UUID) -> Swab:
    """One person's swab in an open tube; a full tube is sealed. It does the test that is due, a repeated one first,
    and the person waits in place for the result. The same person again in the same tube is the same swab.

    Raises NotFound (`tube_not_found`, `file_not_found`), Conflict (`tube_sealed`, `tube_voided`, `file_not_open`,
    `waits_already`), NotPooled (`not_pooled`).
    """
    tube = _lock_tube(by, tube_id)
    file = CaseFile.objects.select_for_update().get(pk=file_for(by, file_id).pk)
    known = Swab.objects.filter(tube=tube, file=file).first()
    if known is not None:
        return known
    _require_unsealed(tube)
    if file.state != FileState.OPEN:
        raise Conflict("file_not_open", _("This person is no longer followed; no sample is due."))
    if tube.size > 1 and (reason := single_only([file.pk], now).get(file.pk)):
        raise NotPooled(reason)
    task, follows = _due_test(file, now, alone=tube.size == 1)
    if task is None and follows is None and file.waiting_since is not None:
        raise Conflict("waits_already", _("This person waits for a result already, and no other test is due."))
    swab = Swab.objects.create(
        tube=tube, file=file, task=task, follows_id=follows, taken_at=now, taken_by=by.as_actor()
    )
    if task is not None:
        settle_tasks(by=by, now=now, task_ids=[task.pk])
        Appointment.objects.filter(task=task, cancelled_at=None, kept_at=None).update(kept_at=now)
    if file.waiting_since is None and file.confirmed_at is None:
        file.waiting_since = now
        file.save(update_fields=["waiting_since"])
    _note("add_swab", by=by, now=now, tube=tube, file=str(file.pk))
    if tube.swabs.count() >= tube.size:
        _seal(by, now, tube)
    return swab


def _due_test(file: CaseFile, now: datetime, *, alone: bool) -> tuple[Task | None, int | None]:
    """The test that a swab now does, and the swab whose result it answers, None if it answers none.

    One that answers a result comes first, and is taken even where somebody ticked its task off without a swab; then
    the one that is due longest.
    """
    due = Task.objects.filter(
        file=file, kind=TaskKind.TEST, state=TaskState.OPEN, due_on__lte=timezone.localtime(now).date()
    ).order_by("due_on", "slot", "pk")
    again = [task for task in due if task.slot.startswith(AGAIN)]
    if alone and again:
        return again[0], again[0].why.get("swab")
    swabs = [one for taken in taken_of(families([file.pk])).values() for one in taken]
    unanswered = outcome.to_sample_again(swabs) if alone else []
    if unanswered:
        return None, unanswered[0].swab
    return next((task for task in due if task not in again), None), None


@transaction.atomic
def remove_swab(*, by: Person, now: datetime, tube_id: uuid.UUID, file_id: uuid.UUID) -> bool:
    """Take a swab out of a tube that is not sealed: the test is due again. False: it was not in the tube.

    Raises NotFound (`tube_not_found`, `file_not_found`), Conflict (`tube_sealed`, `tube_voided`).
    """
    tube = _lock_tube(by, tube_id)
    file = file_for(by, file_id)
    _require_unsealed(tube)
    swab = Swab.objects.select_related("task__file").filter(tube=tube, file=file).first()
    if swab is None:
        return False
    _let_go(by, now, [swab])
    swab.delete()
    settle_people(now=now, file_ids=[file.pk])
    _note("remove_swab", by=by, now=now, tube=tube, file=str(file.pk))
    return True


def _let_go(by: Person, now: datetime, swabs: Iterable[Swab]) -> None:
    """What the swabs did is due again, for whoever is still followed."""
    for swab in swabs:
        task = swab.task
        if task is not None and task.state == TaskState.DONE and task.file.state == FileState.OPEN:
            reopen_task(by=by, now=now, task_id=task.pk)
            Appointment.objects.filter(task=swab.task_id, cancelled_at=None).update(kept_at=None)


# ---- sealing --------------------------------------------------------------------------------------------------------


@transaction.atomic
def seal_tube(*, by: Person, now: datetime, tube_id: uuid.UUID) -> Tube:
    """Nobody is added any more. A sealed tube stays as it is.

    Raises NotFound (`tube_not_found`), Conflict (`tube_voided`, `tube_empty`).
    """
    tube = _lock_tube(by, tube_id)
    if tube.sealed_at is not None and tube.voided_at is None:
        return tube
    _require_unsealed(tube)
    if not tube.swabs.exists():
        raise Conflict("tube_empty", _("Nobody is in this tube yet; add people, or give the tube up."))
    _seal(by, now, tube)
    return tube


def _seal(by: Person, now: datetime, tube: Tube) -> None:
    tube.sealed_at = now
    tube.save(update_fields=["sealed_at"])
    _note("seal_tube", by=by, now=now, tube=tube, people=tube.swabs.count())


@transaction.atomic
def void_tube(*, by: Person, now: datetime, tube_id: uuid.UUID) -> Tube:
    """Give a tube up that was lost, broken or mislabelled: its swabs count no more, and their tests are due again.

    One that is sealed is for whoever manages samples to give up. Raises NotFound (`tube_not_found`), NotAllowed
    (`not_allowed`), Conflict (`tube_has_result`).
    """
    tube = _lock_tube(by, tube_id)
    if tube.voided_at is not None:
        return tube
    if tube.result:
        raise Conflict("tube_has_result", _("This tube has its result; it cannot be given up."))
    if tube.sealed_at is not None and not reaches(by, MANAGES, tube.town):
        raise NotAllowed("not_allowed", _("A sealed tube is for a health officer to give up."))
    tube.voided_at = now
    tube.save(update_fields=["voided_at"])
    swabs = list(tube.swabs.select_related("task__file"))
    _let_go(by, now, swabs)
    settle_people(now=now, file_ids={swab.file_id for swab in swabs})
    _note("void_tube", by=by, now=now, tube=tube, people=len(swabs))
    return tube


def _lock_tube(by: Person, tube_id: uuid.UUID) -> Tube:
    """The tube, locked until the commit, if the person may put something into it."""
    tube_for(by, tube_id)
    found = Tube.objects.select_for_update().filter(pk=tube_id).first()
    if found is None:
        raise tube_not_found()
    return found


def _require_unsealed(tube: Tube) -> None:
    if tube.voided_at is not None:
        raise Conflict("tube_voided", _("This tube was given up; open another."))
    if tube.sealed_at is not None:
        raise Conflict("tube_sealed", _("This tube is sealed; open another."))


def _note(action: str, *, by: Person, now: datetime, tube: Tube, **detail: object) -> None:
    audit.record(
        by=by, now=now, action=action, subject_type="tube", subject_id=tube.pk, detail={"code": tube.code, **detail}
    )
