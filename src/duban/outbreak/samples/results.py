"""Results of tubes: said once, never changed; whoever is in the tube follows from it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict
from duban.core.text import folded, is_plain
from duban.outbreak.models import Result, Swab, Tube
from duban.outbreak.samples.codes import BadTube, read_code
from duban.outbreak.samples.queries import (
    MANAGES,
    in_parts,
    in_towns,
    tube_not_found,
)
from duban.outbreak.samples.settling import settle_people

MAX_LABORATORY = 100
AHEAD = timedelta(minutes=5)
"""How far the laboratory's clock may be ahead of ours."""
WORDS = {
    "阴": Result.NEGATIVE,
    "阴性": Result.NEGATIVE,
    "未检出": Result.NEGATIVE,
    "灰区": Result.GREY,
    "可疑": Result.GREY,
    "gray": Result.GREY,
    "阳": Result.POSITIVE,
    "阳性": Result.POSITIVE,
    "检出": Result.POSITIVE,
    "无效": Result.INVALID,
} | {str(value): value for value in Result}
"""What laboratories write, folded, for each result."""


@dataclass(frozen=True)
class Told:
    """What the laboratory says of one tube. `resulted_at` has an offset."""

    result: str
    laboratory: str
    resulted_at: datetime


@dataclass(frozen=True)
class Recorded:
    tube: Tube
    fresh: bool
    """False: that was recorded already, word for word or at another moment."""


def read_result(text: str, *, row: int | None = None) -> str:
    """The result that a laboratory's word stands for. Raises BadTube (`result_missing`, `unknown_result`)."""
    found = WORDS.get(folded(text))
    if not text.strip():
        raise BadTube("result_missing", _("Say the result: 阴性, 阳性, 灰区 or 无效."), field="result", row=row)
    if found is None:
        raise BadTube(
            "unknown_result",
            _("“%(text)s” is no result; write 阴性, 阳性, 灰区 or 无效.") % {"text": text.strip()[:40]},
            field="result",
            row=row,
        )
    return str(found)


def read_laboratory(text: str, *, row: int | None = None) -> str:
    """The laboratory's name. Raises BadTube (`laboratory_missing`, `laboratory_too_long`, `bad_text`)."""
    name = " ".join(text.split()) if is_plain(text) else text
    if not name.strip():
        raise BadTube("laboratory_missing", _("Name the laboratory."), field="laboratory", row=row)
    if len(name) > MAX_LABORATORY:
        raise BadTube(
            "laboratory_too_long",
            _("A laboratory's name has at most 100 characters."),
            field="laboratory",
            row=row,
        )
    if not is_plain(name):
        raise BadTube("bad_text", _("The text holds what is no character; type it again."), field="laboratory", row=row)
    return name


@transaction.atomic
def record_result(
    *,
    by: Person,
    now: datetime,
    result: str,
    laboratory: str,
    resulted_at: datetime,
    tube_id: uuid.UUID | None = None,
    code: str = "",
) -> Recorded:
    """The result of a sealed tube, named by its id or its code; a word of WORDS will do.

    The same result again changes nothing. A pool that is not negative holds all its members, and a single test is due
    of each at once; a negative one lets go who waits for nothing else. Raises NotFound (`tube_not_found`), NotAllowed
    (`not_allowed`), BadTube (codes of read_code, read_result, read_laboratory; `result_in_future`,
    `result_before_sample`), Conflict (`tube_voided`, `tube_not_sealed`, `result_stands`).
    """
    told = Told(read_result(result), read_laboratory(laboratory), resulted_at)
    tubes = Tube.objects.select_for_update().filter(in_towns("town", rights.codes(by, MANAGES)))
    tube = tubes.filter(pk=tube_id).first() if tube_id is not None else tubes.filter(code=read_code(code)).first()
    if tube is None:
        raise tube_not_found(field=None if tube_id is not None else "code")
    if not is_news(tube, told, last_swabs([tube]).get(tube.pk), now):
        return Recorded(tube, False)
    write_results(by=by, now=now, told=[(tube, told)])
    audit.record(
        by=by,
        now=now,
        action="record_result",
        subject_type="tube",
        subject_id=tube.pk,
        detail={"code": tube.code, "result": told.result},
    )
    return Recorded(tube, True)


def last_swabs(tubes: Sequence[Tube]) -> dict[uuid.UUID, datetime]:
    """When the last swab was taken, by tube; a tube without any is absent."""
    found: dict[uuid.UUID, datetime] = {}
    for part in in_parts(tube.pk for tube in tubes):
        found |= dict(Swab.objects.filter(tube__in=part).order_by("taken_at").values_list("tube_id", "taken_at"))
    return found


def is_news(tube: Tube, told: Told, last_swab: datetime | None, now: datetime, *, row: int | None = None) -> bool:
    """Whether the tube may have this result and has none yet; False where it has the very same.

    Raises BadTube and Conflict as `record_result` does.
    """
    if tube.voided_at is not None:
        raise Conflict("tube_voided", _("This tube was given up; its swabs count no more."), field="code", row=row)
    if tube.result:
        if tube.result != told.result:
            raise Conflict(
                "result_stands",
                _("This tube has the result “%(result)s”, which is not overwritten; sample again if it is wrong.")
                % {"result": tube.get_result_display()},
                field="result",
                row=row,
            )
        return False
    if tube.sealed_at is None or last_swab is None:
        raise Conflict("tube_not_sealed", _("This tube is not sealed; seal it first."), field="code", row=row)
    if told.resulted_at > now + AHEAD:
        raise BadTube(
            "result_in_future",
            _("The result cannot be from the future; check date and time zone."),
            field="resulted_at",
            row=row,
        )
    if told.resulted_at < last_swab:
        raise BadTube(
            "result_before_sample",
            _("The result would be older than the last swab, taken on %(at)s.")
            % {"at": timezone.localtime(last_swab).strftime("%Y-%m-%d %H:%M")},
            field="resulted_at",
            row=row,
        )
    return True


def write_results(*, by: Person, now: datetime, told: Sequence[tuple[Tube, Told]]) -> int:
    """Write down results that `is_news` let through, and what follows for the people. Returns tests due again."""
    actor = by.as_actor()
    for tube, one in told:
        tube.result, tube.laboratory = one.result, one.laboratory
        tube.resulted_at, tube.resulted_by = one.resulted_at, actor
    Tube.objects.bulk_create(
        [tube for tube, _one in told],
        batch_size=500,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["result", "laboratory", "resulted_at", "resulted_by"],
    )
    people: set[uuid.UUID] = set()
    for part in in_parts(tube.pk for tube, _one in told):
        people |= set(Swab.objects.filter(tube__in=part).values_list("file_id", flat=True))
    return settle_people(now=now, file_ids=people)
