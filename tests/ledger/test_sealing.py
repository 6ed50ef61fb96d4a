"""When what was written is sealed: at once, or where a web process has a thread for it, a moment later."""

import threading
from collections.abc import Iterator

import pytest

from duban.access.models import Person
from duban.demo.builders import NOON, make_finding
from duban.ledger import history, recording, sealing
from duban.ledger.models import Checkpoint, Entry


@pytest.mark.django_db(transaction=True)
def test_a_command_seals_at_once(people: dict[str, Person]) -> None:
    recording.record_finding(by=people["inspector"], now=NOON, finding=make_finding(1))
    assert not Entry.objects.filter(unsealed=True).exists()


@pytest.mark.django_db(transaction=True)
def test_a_web_process_leaves_it_to_its_thread(people: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = threading.Event()
    monkeypatch.setattr(sealing, "_wanted", wanted)
    for seed in range(3):
        recording.record_finding(by=people["inspector"], now=NOON, finding=make_finding(seed))
    assert wanted.is_set()
    assert Entry.objects.filter(unsealed=True).count() == 3
    assert list(history.verify_events()) == list(history.verify_checkpoints()) == []
    monkeypatch.setattr(sealing, "_wanted", None)
    # The process died; whoever writes next seals it all, in one checkpoint.
    recording.record_finding(by=people["inspector"], now=NOON, finding=make_finding(9))
    assert not Entry.objects.filter(unsealed=True).exists()
    assert len(Checkpoint.objects.get().heads) == 4
    assert list(history.verify_checkpoints()) == []


@pytest.mark.django_db(transaction=True)
def test_the_thread_seals_and_outlives_a_failure(
    people: dict[str, Person], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers: Iterator[int | BaseException] = iter([RuntimeError("no database"), 1, KeyboardInterrupt()])

    def seal(**_options: object) -> int:
        answer = next(answers)
        if isinstance(answer, BaseException):
            raise answer
        wanted.set()
        return answer

    class Wanted(threading.Event):
        """Wanted at once, whenever it is waited for."""

        def wait(self, timeout: float | None = None) -> bool:
            return True

    wanted = Wanted()
    folded: list[int] = []
    monkeypatch.setattr(sealing.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(sealing.history, "seal_if_free", seal)
    monkeypatch.setattr(sealing.tally, "fold_if_many", lambda: folded.append(1))
    monkeypatch.setattr(sealing, "close_old_connections", lambda: None)
    with pytest.raises(KeyboardInterrupt):
        sealing._seal_when_wanted(wanted)
    assert folded == [1]
    assert "sealing failed" in caplog.text
