"""Presences go by the day: a stay goes with the day on which it began, and with the last of them who it was."""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.conf import settings
from django.db.models import Max, Sum
from django.utils import timezone

from duban.core import audit
from duban.core.traces import overwrite_deleted
from duban.ledger import jobs
from duban.outbreak import store
from duban.outbreak.models import Alias, Found, Identity, PresenceImport, PresencePart

BATCH = 50_000


def drop_presences(*, by: audit.Actor, now: datetime, before: date) -> list[date]:
    """Delete every stay that began before the day, its files, and whoever stays in no other; returns the days.

    What a screening found of them is kept with its order, until that is deleted by its own rule. Raises Conflict
    (`store_busy`).
    """
    with store.writing() as work, store.changing():
        parts = PresencePart.objects.filter(day__lt=before)
        rows = parts.aggregate(rows=Sum("rows"))["rows"] or 0
        days = sorted(set(parts.values_list("day", flat=True)))
        overwrite_deleted()
        parts.delete()
        people = forget_people(work)
        # They only spare reading a file again; whose days went may be sent anew.
        PresenceImport.objects.all().delete()
        detail = {"days": [day.isoformat() for day in days], "rows": rows, "people": people}
        audit.record(
            by=by,
            now=now,
            action="drop_presences",
            subject_type="presences",
            subject_id=before.isoformat(),
            detail=detail,
        )
    _forget_tracings(before)
    return days


def drop_by_age(*, by: audit.Actor, now: datetime) -> list[date]:
    """Drop what is older than DUBAN_PRESENCE_DAYS, counted back from the newest day of the store; 0 keeps all.

    From the newest day and not from today, since a store of a past January is data like any other.
    """
    newest = PresencePart.objects.aggregate(newest=Max("day"))["newest"]
    if not settings.DUBAN_PRESENCE_DAYS or newest is None:
        return []
    before = newest - timedelta(days=settings.DUBAN_PRESENCE_DAYS - 1)
    if not PresencePart.objects.filter(day__lt=before).exists():
        return []
    return drop_presences(by=by, now=now, before=before)


def _forget_tracings(before: date) -> None:
    """Delete results of tracings, kept for who asked for them, that tell of a contact before the day."""
    midnight = timezone.make_aware(datetime.combine(before, time()))
    for file in jobs.imports_folder().glob("*/contacts.parquet"):
        if _first_in(file, midnight) < midnight:
            shutil.rmtree(file.parent, ignore_errors=True)


def _first_in(file: Path, otherwise: datetime) -> datetime:
    """When the earliest contact began; `otherwise` of none. What cannot be read any more is as old as can be."""
    try:
        first = pc.min(pq.read_table(file, columns=["first"])["first"]).as_py()
    except (pa.ArrowInvalid, OSError):
        return datetime.min.replace(tzinfo=UTC)
    return otherwise if first is None else first


def oldest_kept(now: datetime) -> date:
    """The first day that is kept today: `drop_presences` without a date drops what lies before it."""
    return timezone.localdate(now) - timedelta(days=settings.DUBAN_PRESENCE_DAYS - 1)


def forget_people(work: Path) -> int:
    """Delete identities and aliases of whoever is neither in the store any more nor found by a screening."""
    left = store.paths_of(PresencePart.objects.all())
    with store.engine(work) as engine:
        engine.execute("CREATE TABLE left_over (token VARCHAR)")
        if left:
            engine.execute("INSERT INTO left_over SELECT DISTINCT person FROM read_parquet($files)", {"files": left})
        for batch in _batches(Found.objects.values_list("person", flat=True).distinct().iterator(BATCH)):
            _register(engine, batch)
            engine.execute("INSERT INTO left_over SELECT token FROM batch")
        aliases = Alias.objects.values_list("token", "person").iterator(BATCH)
        gone_ties, tied = [], []
        for pairs in _batches(aliases):
            _register(engine, [token for token, _person in pairs])
            own = _absent(engine)
            _register(engine, [person for _token, person in pairs])
            theirs = _absent(engine)
            gone_ties += [token for token, person in pairs if token in own and person in theirs]
            tied += [person for token, person in pairs if token not in own]
        for batch in _batches(iter(tied)):
            # Somebody seen under a weaker name alone is still known by the stronger one.
            _register(engine, batch)
            engine.execute("INSERT INTO left_over SELECT token FROM batch")
        gone = []
        for batch in _batches(Identity.objects.values_list("token", flat=True).iterator(BATCH)):
            _register(engine, batch)
            gone += sorted(_absent(engine))
    for start in range(0, len(gone_ties), 900):
        Alias.objects.filter(token__in=gone_ties[start : start + 900]).delete()
    for start in range(0, len(gone), 900):
        Identity.objects.filter(token__in=gone[start : start + 900]).delete()
    return len(gone)


def _batches(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _register(engine: Any, tokens: list[str]) -> None:
    engine.register("batch", pa.table({"token": pa.array(tokens, pa.string())}))


def _absent(engine: Any) -> set[str]:
    """Those of the registered batch that are not left over."""
    query = "SELECT token FROM batch WHERE token NOT IN (SELECT token FROM left_over)"
    return {token for (token,) in engine.execute(query).fetchall()}
