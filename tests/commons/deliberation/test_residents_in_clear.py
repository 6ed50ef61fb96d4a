"""Who was at a meeting stands nowhere in clear: not in the database, not in a file, not in a log."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from tests.commons.deliberation.building import LATER, make_neighbourhood
from tests.test_nothing_in_clear import in_clear, unsealed

from duban.core import clock

pytestmark = pytest.mark.django_db(transaction=True)
PLANTED = ["皇甫来开会", "尉迟请了假"]


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.DUBAN_DATA = tmp_path
    monkeypatch.setattr(clock, "now", lambda: LATER)
    cache.clear()
    yield
    cache.clear()


def test_residents_at_a_meeting_stand_nowhere_in_clear(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    home = make_neighbourhood()
    topic = home.invited(home.topic())
    desk, anybody = Client(), Client()
    desk.force_login(home.worker)
    address = f"/commons/topics/{topic.pk}/"
    people = {"chair": "李主任", "members": "", "guests": "", "residents": PLANTED[0], "excused": PLANTED[1]}
    # Refused first, so that what was typed goes back and forth once more.
    assert desk.post(f"{address}attendance/", people | {"chair": "长" * 61}).status_code == 400
    assert desk.post(f"{address}attendance/", people).status_code == 302
    opened = desk.get(f"{address}attendance/").content.decode()
    assert all(name in opened for name in PLANTED)
    for page in (address, f"{address}minutes/", f"/topics/{topic.pk}/", f"/n/{home.entrance.token}/"):
        shown = (desk if page.startswith("/commons/") else anybody).get(page).content.decode()
        assert not any(name in shown for name in PLANTED)
    assert in_clear(PLANTED) == []
    assert all(name in unsealed() for name in PLANTED)
    said = caplog.text + "".join(capsys.readouterr())
    assert not any(name in said for name in PLANTED)
