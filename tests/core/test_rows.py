"""Rows put in by one prepared statement stand as bulk_create would have put them."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, models

from duban.core.models import AuditRecord
from duban.core.rows import BATCH, insert
from duban.demo.builders import NOON
from duban.ledger.models import Tally

pytestmark = pytest.mark.django_db


def audit_record(n: int) -> AuditRecord:
    """Chinese, JSON with what must be escaped, and a moment to the microsecond."""
    return AuditRecord(
        at=NOON + timedelta(microseconds=n),
        actor={"username": "李", "name": "100%", "roles": [["inspector", "110112", {"kind": "event"}]]},
        action="record_finding",
        subject_type="entry",
        subject_id=str(uuid.UUID(int=n)),
        detail={"n": n, "quotes": "'\"\\ %s", "none": None, "deep": [1.5, True]},
    )


def columns_of(model: type[models.Model]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "id"} for row in model.objects.order_by("pk").values()]


@pytest.mark.parametrize("count", [1, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH + 3])
def test_the_same_stands_as_after_bulk_create(count: int) -> None:
    insert([audit_record(n) for n in range(count)])
    ours = columns_of(AuditRecord)
    AuditRecord.objects.all().delete()
    AuditRecord.objects.bulk_create([audit_record(n) for n in range(count)])
    assert ours == columns_of(AuditRecord)
    assert len(ours) == count


def test_nothing_to_insert_asks_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        insert([])


def test_defaults_and_booleans_arrive() -> None:
    insert([Tally(cell=2**40, jurisdiction="110112", responsible="", kind="event", category=0, state="found", n=-1)])
    row = Tally.objects.get()
    assert (row.cell, row.n, row.folded) == (2**40, -1, False)


def test_what_the_database_refuses_is_refused() -> None:
    with pytest.raises(IntegrityError):
        insert([Tally(cell=None, jurisdiction="1", responsible="", kind="event", category=0, state="found", n=1)])
