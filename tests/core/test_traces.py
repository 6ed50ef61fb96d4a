"""No byte left of what is deleted, and a word in the log where that could not be brought about."""

import sqlite3
from collections.abc import Iterator

import pytest
from django.db import connection

from duban.core import traces
from duban.core.models import AuditRecord

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps no such log of its own"),
]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The waits between two tries, none of which is waited."""
    waits: list[float] = []
    monkeypatch.setattr(traces.time, "sleep", waits.append)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 0")
    yield waits
    connection.close()


def test_a_log_that_somebody_reads_is_told_of(impatient: list[float], caplog: pytest.LogCaptureFixture) -> None:
    reader = sqlite3.connect(connection.settings_dict["NAME"])
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM core_auditrecord").fetchone()
    AuditRecord.objects.all().delete()
    traces.leave_no_trace([])
    reader.close()
    (said,) = caplog.records
    assert said.levelname == "WARNING"
    assert said.getMessage() == (
        "SQLite's write-ahead log is being read and was not cleared: what was deleted may stay in it until the next run"
    )
    assert len(impatient) == traces.CHECKPOINT_TRIES


def test_a_log_that_is_cleared_is_not_spoken_of(impatient: list[float], caplog: pytest.LogCaptureFixture) -> None:
    AuditRecord.objects.all().delete()
    traces.leave_no_trace([])
    assert caplog.records == impatient == []
