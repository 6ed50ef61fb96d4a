"""A new key while the site serves: made, everything sealed brought under it, and only then the old one deleted.

Sealed are the binary columns of all apps and the files of the data folder that end in `.sealed`. What is no longer
readable under any key is counted and left. A run that was broken off is taken up by the next: values that are under the
newest key already are passed over.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.db import connection, models, transaction
from django.utils.translation import gettext_lazy as _

from duban.core import audit, keys
from duban.core.errors import Conflict
from duban.core.files import write_whole
from duban.core.sealed_text import fernet_of, key_file

BATCH = 500
Told = Callable[[str, int], None]


@dataclass(frozen=True)
class Rotated:
    """What one run did: values and files brought under the newest key, and how many no key opens."""

    values: int
    files: int
    unreadable: int
    version: int
    dropped: int
    """Old versions that were deleted."""


def rotate_key(
    *, by: audit.Actor, now: datetime, wait_s: float = 600, settle_s: float = 5, told: Told = lambda _step, _done: None
) -> Rotated:
    """Make a new version of the key, or go on where a run was broken off, and delete the older ones.

    An old version goes when nobody holds anything more that was sealed under it; for that at most `wait_s` seconds are
    waited. `settle_s` is for pages that have just read a row and open it now. Raises Conflict (`rotation_runs`,
    `key_in_use`: everything stored is under the new key, the old one stays until the next run).
    """
    path = key_file()
    keys.versions(path)
    with keys.alone(path.with_name(".rotating")) as free:
        if not free:
            raise Conflict("rotation_runs", _("The key is being changed just now; wait until that is done."))
        keys.let_go()
        there = keys.versions(path)
        newest = there[0] if len(there) > 1 else keys.make_next(path)
        old = [version for version in keys.versions(path) if version != newest]
        values, files, unreadable = _sweep(newest, old, told)
        _wait_for(old, wait_s)
        # Nothing under an old version can appear any more; what did meanwhile is brought over now.
        late_values, late_files, unreadable = _sweep(newest, old, told)
        time.sleep(settle_s)
        for version in old:
            keys.delete_version(version)
        done = Rotated(values + late_values, files + late_files, unreadable, newest.number, len(old))
        detail = {"values": done.values, "files": done.files, "unreadable": unreadable, "dropped": done.dropped}
        audit.record(
            by=by, now=now, action="rotate_key", subject_type="key", subject_id=newest.path.name, detail=detail
        )
    return done


def _wait_for(old: list[keys.Version], wait_s: float) -> None:
    until = time.monotonic() + wait_s
    for version in old:
        while True:
            with keys.alone(version.path) as free:
                if free:
                    break
            if time.monotonic() > until:
                raise Conflict(
                    "key_in_use",
                    _("Somebody still writes what was sealed under the old key; it stays until you run this again."),
                )
            time.sleep(0.05)


def _sweep(newest: keys.Version, old: list[keys.Version], told: Told) -> tuple[int, int, int]:
    """Bring all that is stored under the newest version: how many values, how many files, how many stay unreadable."""
    own = fernet_of(newest)
    ring = MultiFernet([own, *(fernet_of(version) for version in old)])
    values = unreadable = 0
    for model, field in sealed_columns():
        for changed, unread in _sweep_column(model, field, own, ring):
            values, unreadable = values + changed, unreadable + unread
            told(f"{model._meta.db_table}.{field.column}", values)
    files = 0
    for file in sealed_files():
        with contextlib.suppress(FileNotFoundError):
            data = _bring_over(file.read_bytes(), own, ring)
            if data is None:
                unreadable += 1
            elif data:
                _replace(file, data)
                files += 1
    return values, files, unreadable


def sealed_columns() -> list[tuple[type[models.Model], models.Field[Any, Any]]]:
    """Every binary column of every table: what is not sealed text has no business in one."""
    return [
        (model, field)
        for model in apps.get_models()
        if model._meta.managed
        for field in model._meta.local_concrete_fields
        if isinstance(field, models.BinaryField)
    ]


def sealed_files() -> Iterator[Path]:
    for shape in ("*/*.sealed", "*/*/*.sealed"):
        yield from settings.DUBAN_DATA.glob(shape)


def _sweep_column(
    model: type[models.Model], field: models.Field[Any, Any], own: Fernet, ring: MultiFernet
) -> Iterator[tuple[int, int]]:
    """For each batch of rows how many were changed, and how many no key opens."""
    rows = model._base_manager.exclude(**{field.name: None}).order_by("pk").values_list("pk", field.name)
    last: Any = None
    while batch := list((rows if last is None else rows.filter(pk__gt=last))[:BATCH]):
        last = batch[-1][0]
        changes, unreadable = [], 0
        for key, value in batch:
            changed = _bring_over(bytes(value), own, ring)
            if changed is None:
                unreadable += 1
            elif changed:
                changes.append((changed, key, bytes(value)))
        _store(model, field, changes)
        yield len(changes), unreadable


def _bring_over(data: bytes, own: Fernet, ring: MultiFernet) -> bytes | None:
    """The value under the newest key, b"" where it is that already, None where no key opens it."""
    try:
        own.decrypt(data)
    except InvalidToken:
        try:
            return ring.rotate(data)
        except InvalidToken:
            return None
    return b""


def _store(model: type[models.Model], field: models.Field[Any, Any], changes: list[tuple[bytes, Any, bytes]]) -> None:
    """Only where the value is still what it was: somebody may have written it anew, under the newest key."""
    if not changes:
        return
    key = model._meta.pk
    assert key is not None
    rows = [
        (
            field.get_db_prep_save(new, connection),
            key.get_db_prep_value(row, connection),
            field.get_db_prep_save(old, connection),
        )
        for new, row, old in changes
    ]
    names = (model._meta.db_table, field.column or "", key.column or "")
    quoted = [connection.ops.quote_name(name) for name in names]
    statement = "UPDATE {0} SET {1} = %s WHERE {2} = %s AND {1} = %s".format(*quoted)  # noqa: S608
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def _replace(file: Path, data: bytes) -> None:
    """Write the file whole, as old as it was: what is cleared away by its age must go when it would have gone."""
    known = file.stat()
    write_whole(file, data)
    os.utime(file, ns=(known.st_atime_ns, known.st_mtime_ns))
