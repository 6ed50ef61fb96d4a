"""Nobody goes before every condition holds; the certificate says what is true, and no more of a name than lists do."""

from datetime import timedelta

import pypdfium2
import pytest
from django.test import Client
from tests.outbreak.measures.building import OFFICE, TOWN, expose, make_file, refused
from tests.outbreak.people import at

from duban.access.models import Person
from duban.core import clock
from duban.demo.builders import make_person
from duban.outbreak.care.reports import record_report
from duban.outbreak.casefiles.identity import Facts, seal
from duban.outbreak.measures.editing import RuleDraft, add_rule
from duban.outbreak.measures.plans import replan
from duban.outbreak.measures.release import conditions, release_person, revoke_release
from duban.outbreak.measures.todo import finish_tasks
from duban.outbreak.models import CaseFile, Look, Release, Task
from duban.outbreak.samples import actions as samples

pytestmark = pytest.mark.django_db
NOW, END = at(20), at(31)


@pytest.fixture
def officer(db: None, monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.setattr(clock, "now", lambda: END)
    return make_person("officer", "health_officer", OFFICE, name="李防")


def followed(officer: Person, *, skip: str = "") -> CaseFile:
    """Somebody in centralised isolation until the 30th, of whom all is done but what `skip` names."""
    file = make_file(NOW, sealed=seal(Facts(name="张三丰", phone="13800001234", id_number="")))
    expose(file, at(16), NOW)
    replan(now=NOW, file_ids=[file.pk])
    for task in file.tasks.exclude(kind="release").order_by("due_on", "slot"):
        then = at(task.due_on.day, 10)
        if task.kind == "test" and skip not in ("test", "second" if task.slot else "test "):
            tube = samples.open_tube(by=officer, now=then, size=1, town=TOWN)
            samples.add_swab(by=officer, now=then, tube_id=tube.pk, file_id=file.pk)
            said = "grey" if skip == "grey" and task.slot else "negative"
            if skip != "result" or not task.slot:
                samples.record_result(
                    by=officer, now=then, tube_id=tube.pk, result=said, laboratory="甲", resulted_at=then
                )
        elif task.kind != "test" and skip != task.kind:
            finish_tasks(by=officer, now=then, task_ids=[task.pk])
    for day in (28, 29, 30):
        if skip != "report" or day != 29:
            warm = "37.5" if skip == "fever" and day == 29 else "36.5"
            told = {"on": at(day).date(), "slot": "am", "temperature": warm, "symptoms": [], "how": "phone"}
            record_report(by=officer, now=at(day, 12), file_id=file.pk, **told)
    file.refresh_from_db()
    return file


def missing(file: CaseFile) -> set[str]:
    file.refresh_from_db()
    return {one.code for one in conditions(file, END) if not one.met}


@pytest.mark.parametrize(
    ("skip", "codes"),
    [
        ("test", {"tests", "double"}),
        ("second", {"tests", "double"}),
        ("arrive", {"arrived"}),
        ("report", {"quiet"}),
        ("fever", {"quiet", "alerts"}),
        ("result", {"waiting", "double"}),
        ("grey", {"tests", "waiting", "double", "negative"}),
    ],
)
def test_what_is_missing_is_named_and_holds_the_person(officer: Person, skip: str, codes: set[str]) -> None:
    file = followed(officer, skip=skip)
    assert missing(file) >= codes - {"waiting"}
    assert missing(file) <= codes
    assert refused(lambda: release_person(by=officer, now=END, file_id=file.pk)) == "conditions_open"
    assert not Release.objects.exists()


def test_the_last_day_is_still_a_day_of_the_measure(officer: Person) -> None:
    file = followed(officer)
    assert refused(lambda: release_person(by=officer, now=at(30, 23), file_id=file.pk)) == "conditions_open"
    assert missing(file) == set()


def test_released_once_with_nothing_left_and_taken_back(officer: Person) -> None:
    file = followed(officer)
    release = release_person(by=officer, now=END, file_id=file.pk)
    assert release_person(by=officer, now=END + timedelta(hours=1), file_id=file.pk) == release
    file.refresh_from_db()
    assert (file.state, file.released_at, file.measure) == ("released", END, "")
    assert not Task.objects.filter(file=file, state="open").exists()
    assert replan(now=END, file_ids=[file.pk]) == 0
    revoke_release(by=officer, now=END, file_id=file.pk)
    revoke_release(by=officer, now=END + timedelta(days=1), file_id=file.pk)
    file.refresh_from_db()
    assert (file.state, file.released_at, file.measure) == ("open", None, "centralised")
    assert list(Task.objects.filter(file=file, state="open").values_list("kind", flat=True)) == ["release"]
    assert release_person(by=officer, now=END, file_id=file.pk).number != release.number


def test_taken_back_takes_up_the_rule_that_came_meanwhile(officer: Person) -> None:
    file = followed(officer)
    release_person(by=officer, now=END, file_id=file.pk)
    longer = RuleDraft(
        key="area:centralised", since=at(25).date(), name="加七天", name_en="",
        phases=(("centralised", 14), ("home", 7)), test_days=(1, 4, 7, 14, 21), counted_from="exposure",
        double=True, reports=2, visit_every=0, quiet_days=3, source="通告",
    )  # fmt: skip
    add_rule(by=officer, now=END, draft=longer)
    assert replan(now=END, file_ids=[file.pk]) == 0
    revoke_release(by=officer, now=END, file_id=file.pk)
    file.refresh_from_db()
    assert (file.state, file.measure, str(file.ends_on)) == ("open", "home", "2021-02-06")
    assert replan(now=END, file_ids=[file.pk]) == 0


def test_others_release_nobody(officer: Person) -> None:
    file = followed(officer)
    worker, far = make_person("w", "community_worker", TOWN), make_person("f", "health_officer", "110113")
    assert refused(lambda: release_person(by=worker, now=END, file_id=file.pk)) == "not_allowed"
    assert refused(lambda: release_person(by=far, now=END, file_id=file.pk)) == "file_not_found"


def test_the_page_releases_and_the_certificate_is_checked_by_anybody(officer: Person) -> None:
    file = followed(officer)
    desk, anybody = Client(headers={"accept-language": "en"}), Client(headers={"accept-language": "en"})
    desk.force_login(officer)
    page = f"/outbreak/files/{file.pk}/release/"
    assert "Release the person" in desk.get(page).content.decode()
    assert desk.post(page, {"do": "release"}).status_code == 302
    release = Release.objects.get()
    pdf = desk.get(f"/outbreak/files/{file.pk}/certificate.pdf")
    text = "".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf.content))
    assert "张三丰" in text
    assert release.number in text
    assert Look.objects.get().fields == ["name"]
    seen = anybody.get(f"/certificate/{release.code}/").content.decode()
    assert "Valid" in seen
    assert "张**" in seen
    assert "三丰" not in seen
    assert desk.post(page, {"do": "revoke"}).status_code == 302
    assert "Revoked" in anybody.get(f"/certificate/{release.code}/").content.decode()
    assert desk.get(f"/outbreak/files/{file.pk}/certificate.pdf").status_code == 404
    assert {anybody.get(f"/certificate/{code}/").status_code for code in ("x" * 43, "é", "0" * 300)} == {404}


def test_a_version_goes_by_preview_into_the_table(officer: Person) -> None:
    file = followed(officer)
    desk = Client(headers={"accept-language": "en"})
    desk.force_login(officer)
    form = {
        "key": "area:centralised", "since": "2021-01-25", "name": "加七天", "measure_1": "centralised", "days_1": "14",
        "measure_2": "home", "days_2": "7", "test_days": "1、4 7,14", "counted_from": "exposure", "double": "on",
        "reports": "2", "visit_every": "0", "quiet_days": "3", "source": "通告",
    }  # fmt: skip
    assert "Add a version" in desk.get("/outbreak/rules/").content.decode()
    assert desk.get("/outbreak/rules/add/?key=contact").status_code == 200
    assert desk.post("/outbreak/rules/add/", form | {"days_1": "many"}).status_code == 400
    preview = desk.post("/outbreak/rules/add/", form).headers["location"]
    assert "of 1 followed people" in desk.get(preview).content.decode()
    assert desk.post(f"{preview}keep/").status_code == 302
    assert "1 plan was changed" in desk.get(preview).content.decode()
    file.refresh_from_db()
    assert str(file.ends_on) == "2021-02-06"
    assert desk.post("/outbreak/rules/add/", form).status_code in (302, 409)
