"""Finding by words: the index says what the words say, also after a name changed and for what nobody indexed."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.core.management import call_command
from tests.commons.register.building import draft, make_application, make_organisation
from tests.commons.register.test_filters import many

from duban.access.models import Person
from duban.commons.models import Application, Organisation, OrganisationText
from duban.commons.register import actions, filing, search
from duban.commons.volunteering.forgetting import forget_nightly
from duban.core import clock
from duban.core.text import folded
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db
EVERYTHING = Organisation.objects.all()
TEXTS = (
    "合唱", "合", "唱队", "队合", "hechang", "hcd", "HCD", "书画社3", "书画 3", "社 太", "ｈｃｄ", "３", "%", "_", "*",
    "'", '"', "a*", "合唱队合唱队", "𠮷", "-", "AND", "OR NOT", "(", "合唱 合唱", "便民\t帮",
)  # fmt: skip


@pytest.fixture
def worker(db: None) -> Person:
    return make_person("worker", "community_worker")


def found(text: str) -> set[str]:
    return {one.name for one in search.matching(EVERYTHING, text)}


@pytest.mark.parametrize("frequent", [20_000, 0])
@pytest.mark.parametrize("text", TEXTS)
def test_the_index_says_what_the_words_say(text: str, frequent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "INDEX", replace(search.INDEX, rare=frequent))
    made = many(120, seed=9)
    words = [folded(word) for word in text.split()]
    assert {one.pk for one in search.matching(EVERYTHING, text)} == {
        one.pk for one in made if all(word in one.search for word in words)
    }


def test_what_was_changed_is_found_by_what_it_is_now(worker: Person) -> None:
    one = make_organisation(worker, "夕阳红合唱团")
    assert found("夕阳") == {"夕阳红合唱团"}
    changed = draft("朝阳合唱团", filing_number="YQ-77")
    actions.change_organisation(by=worker, now=NOON, organisation_id=one.pk, draft=changed, on=date(2021, 1, 1))
    assert found("夕阳") == set()
    assert found("朝阳 yq-77") == found("zyhct") == {"朝阳合唱团"}
    one.delete()
    assert found("朝阳") == set()
    assert not OrganisationText.objects.exists()


def test_what_nobody_indexed_is_caught_up_with_at_migrate(worker: Person) -> None:
    for n in range(3):
        make_organisation(worker, f"朝阳{n}")
    OrganisationText.objects.all().delete()
    assert found("朝阳") == set()
    call_command("migrate", verbosity=0)
    assert found("朝阳") == {"朝阳0", "朝阳1", "朝阳2"}
    assert search.index_missing() == 0


def test_what_was_filed_is_found_by_its_number(worker: Person) -> None:
    made, _secret = make_application()
    one = filing.file_application(by=worker, now=NOON, application_id=made.pk)
    assert found(one.filing_number) == {one.name}


def test_every_night_names_of_old_applications_go(worker: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _secret = make_application()
    filing.refuse_application(by=worker, now=NOON, application_id=made.pk, reasons="不在本街道")
    later = NOON + filing.KEPT_FOR + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    forget_nightly.func()
    assert filing.told_of(Application.objects.get()).applicant.name == ""
    monkeypatch.undo()
