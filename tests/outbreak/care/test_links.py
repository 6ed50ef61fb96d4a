"""A person's own link: a secret that nothing keeps, that opens one page and dies with the release."""

import logging
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from tests.outbreak.care.building import DAY, DISTRICT, OTHER, TOWN, due, make_file

from duban.access.models import Person
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.core.quiet import HideSecrets, without_secrets
from duban.demo.builders import NOON, make_person
from duban.outbreak.care import links
from duban.outbreak.models import Alert, CareLink, CareRequest, CaseFile, DailyReport, FileState

pytestmark = pytest.mark.django_db
NEEDED = {"slot": "am", "temperature": "36.5"}


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("officer", "health_officer", DISTRICT)


@pytest.fixture
def phone() -> Client:
    return Client(headers={"accept-language": "en"})


def make(officer: Person, file: CaseFile) -> str:
    return links.make_link(by=officer, now=NOON, file_id=file.pk)


def words(answer: Any) -> str:
    return answer.content.decode()


def refused(code: str, act: Any, *told: Any, **asked: Any) -> None:
    with pytest.raises(DubanError) as error:
        act(*told, **asked)
    assert error.value.code == code


# ---- the secret -----------------------------------------------------------------------------------------------------


def test_the_secret_is_kept_nowhere(officer: Person) -> None:
    secret = make(officer, make_file())
    assert len(secret) >= 32
    kept = str(list(CareLink.objects.values())) + str(list(AuditRecord.objects.values()))
    assert secret not in kept


def test_a_new_link_ends_the_one_before(officer: Person) -> None:
    file = make_file()
    old = make(officer, file)
    new = make(officer, file)
    assert old != new
    assert links.file_of_link(new) == file
    refused("link_unknown", links.file_of_link, old)
    links.revoke_link(now=NOON, file_id=file.pk)
    links.revoke_link(now=NOON, file_id=uuid.uuid4())
    refused("link_unknown", links.file_of_link, new)


@pytest.mark.parametrize("state", [FileState.RELEASED, FileState.CLOSED])
def test_it_opens_nothing_once_the_person_is_no_longer_followed(officer: Person, state: str) -> None:
    file = make_file()
    secret = make(officer, file)
    CaseFile.objects.update(state=state)
    refused("link_unknown", links.file_of_link, secret)
    refused("file_not_open", make, officer, file)


def test_after_a_merge_both_links_open_the_one_file(officer: Person) -> None:
    kept, gone = make_file(), make_file()
    secrets = make(officer, kept), make(officer, gone)
    CaseFile.objects.filter(pk=gone.pk).update(merged_into=kept)
    assert [links.file_of_link(secret) for secret in secrets] == [kept, kept]
    links.revoke_link(now=NOON, file_id=kept.pk)
    for secret in secrets:
        refused("link_unknown", links.file_of_link, secret)


@pytest.mark.parametrize("told", ["", "x", "密", "x" * 65, "\x00", "a/b"])
def test_what_is_no_secret_opens_nothing(told: str) -> None:
    refused("link_unknown", links.file_of_link, told)


def test_who_makes_links(officer: Person) -> None:
    file = make_file(stay=f"{TOWN}001")
    links.make_link(by=make_person("w", "community_worker", f"{TOWN}001"), now=NOON, file_id=file.pk)
    for name, role, code in [("o", "health_officer", OTHER), ("b", "community_worker", f"{TOWN}002")]:
        refused("file_not_found", make, make_person(name, role, code), file)
    refused("file_not_found", make, make_person("leader", "leader", DISTRICT), file)


# ---- logs -----------------------------------------------------------------------------------------------------------


def test_no_log_line_tells_the_secret(
    officer: Person, phone: Client, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    secret = make(officer, make_file())
    caplog.handler.addFilter(HideSecrets(settings.SECRET_ADDRESSES))
    with caplog.at_level(logging.DEBUG):
        assert phone.post(f"/care/{secret}/report/", {"slot": "am"}).status_code == 400
        assert phone.get(f"/care/{secret}/none/").status_code == 404
        assert phone.get(f"/care/{secret}x/").status_code == 404
    assert "/care/…" in caplog.text
    assert secret not in caplog.text
    handlers = settings.LOGGING["handlers"].values()
    assert all("secrets" in handler["filters"] for handler in handlers)


def test_a_traceback_is_rid_of_it_too() -> None:
    try:
        raise ValueError("/care/Zk3/mine/")
    except ValueError as error:
        record = logging.LogRecord("x", 40, "", 0, "at %s", ("/care/Zk3/",), (type(error), error, error.__traceback__))
    assert HideSecrets(["/care/"]).filter(record)
    assert "Zk3" not in logging.Formatter().format(record)
    assert without_secrets("/care/ab?x", ["/care/"]) == "/care/…?x"


# ---- the page -------------------------------------------------------------------------------------------------------


def test_two_taps_report_and_the_page_says_so(officer: Person, phone: Client) -> None:
    file = make_file()
    due(file, "test", on=DAY + timedelta(days=3))
    address = f"/care/{make(officer, file)}/"
    page = phone.get(address)
    assert page.status_code == 200
    assert page["Cache-Control"] == "no-store"
    assert "noindex" in page["X-Robots-Tag"]
    for told in ("21 Jan", "31 Jan", "not reported yet"):
        assert told in words(page)
    for kept in ("张三丰", "13800001234", file.number, str(file.pk)):
        assert kept not in words(page)
    answer = phone.post(f"{address}report/", NEEDED)
    assert answer.status_code == 302
    assert answer["Location"] == f"{address}?done=report"
    assert "your report is in" in words(phone.get(answer["Location"]))
    assert DailyReport.objects.get().how == "link"
    assert phone.post(f"{address}report/", NEEDED).status_code == 302
    assert DailyReport.objects.count() == 1


def test_a_typed_temperature_counts_and_ticks_are_never_lost(officer: Person, phone: Client) -> None:
    address = f"/care/{make(officer, make_file())}/report/"
    phone.post(address, NEEDED | {"other": "38,4", "symptoms": ["cough"]})
    assert set(Alert.objects.values_list("kind", flat=True)) == {"fever", "symptom"}


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"slot": "am"}, "bad_temperature"),
        ({"slot": "am", "other": "abc", "temperature": "36.5"}, "bad_temperature"),
        ({"temperature": "36.5"}, "bad_slot"),
        (NEEDED | {"symptoms": ["x"]}, "bad_symptom"),
    ],
)
def test_what_is_wrong_comes_back_with_what_was_typed(
    officer: Person, phone: Client, sent: dict[str, Any], code: str
) -> None:
    answer = phone.post(f"/care/{make(officer, make_file())}/report/", sent)
    assert answer.status_code == 400
    assert code in words(answer)
    assert answer["Cache-Control"] == "no-store"
    if "temperature" in sent:
        assert 'value="36.5" checked' in words(answer)


def test_a_request_pressed_twice_is_one(officer: Person, phone: Client) -> None:
    address = f"/care/{make(officer, make_file())}/"
    sent = {"id": str(uuid.uuid4()), "kind": "food", "words": "米"}
    for _press in range(2):
        assert phone.post(f"{address}ask/", sent).status_code == 302
    assert CareRequest.objects.count() == 1
    assert phone.post(f"{address}ask/", sent | {"id": "x"}).status_code == 400
    assert phone.post(f"{address}ask/", {"id": str(uuid.uuid4())}).status_code == 400
    assert "received" in words(phone.get(address))


def test_a_dead_link_says_so_and_who_guesses_waits(officer: Person, phone: Client) -> None:
    file = make_file()
    secret = make(officer, file)
    links.revoke_link(now=NOON, file_id=file.pk)
    for _guess in range(30):
        answer = phone.get(f"/care/{secret}/")
        assert answer.status_code == 404
        assert "link_unknown" in words(answer)
    assert phone.get("/care/other/").status_code == 429
    assert phone.post("/care/other/report/", NEEDED).status_code == 429


def test_forms_need_their_token(officer: Person) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(f"/care/{make(officer, make_file())}/report/", NEEDED).status_code == 403
    assert not DailyReport.objects.exists()
