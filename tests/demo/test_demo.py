"""The demo is what it claims: the page's statements from drawn layers alone, valid layers, a story that verifies."""

import json
from collections.abc import Callable

import pytest
import shapely
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from tests.demo.test_meetings import check_the_meetings
from tests.demo.test_outbreak import check_the_outbreak, check_the_page_s_order
from tests.demo.test_page import check_the_page

from duban.access.models import Person
from duban.bulletin import queries as bulletins
from duban.bulletin.models import Issue, IssueState
from duban.config.management.commands.verify_history import all_problems
from duban.core import clock
from duban.core.audit import Console
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo import campaign, layers, story
from duban.demo.builders import make_person
from duban.engines.locate import Features, Gazetteer, Layers, locate
from duban.ledger.lifecycle import State
from duban.ledger.lookback import redrawn
from duban.ledger.models import Entry, Event, LookbackRound
from duban.patrol import rounds
from duban.patrol.exposure import shown
from duban.patrol.models import Exposure, PatrolRound
from duban.places.actions import load_jurisdictions
from duban.places.models import Layer

STATEMENTS = {
    layers.LIXINZHUANG: "漷县镇李辛庄村距李辛庄西南路约27米,距大梁沟约1173米",
    layers.QUNFANG: "梨园地区群芳中一街群芳三园西区80号楼北侧",
    layers.CHANGLINGYING: "漷县镇长凌营村距长凌营环路约124米,距北运河约465米",
    layers.XIELOU: "潞城镇谢楼村距谢楼路约291米,距北运河约2756米",
    layers.LUYI: "潞邑街道潞邑三路依威能源充电站东逸佳苑东侧",
    layers.SHENJU: "马驹桥镇神驹村距京沪高速约60米,距通大边沟约16米",
    layers.DAPANG: "宋庄镇大庞村距独光路约17米,距中坝河约890米",
    layers.TAIHU: "台湖镇农贸市场路台湖环境执法站北侧",
    layers.DASHAWU: "西集镇大沙务村距潮河大堤路约225米,距牛屯引河约325米",
    layers.AOXIAOYING: "永乐店镇熬硝营村距熬硝营西环路约82米,距通大边沟约536米",
}


def test_the_ten_places_of_the_page_get_its_statements_from_the_layers_alone() -> None:
    drawn = layers.draw_layers()
    built = Layers.build(**{name: Features(f.names, f.geometries, f.codes) for name, f in drawn.items()})
    codes = Gazetteer.build(list(layers.units()), list(layers.units().values()))
    lons, lats = zip(*STATEMENTS, strict=True)
    assert list(locate(lons, lats, built, codes).statement) == list(STATEMENTS.values())


def test_boundaries_cover_the_district_without_overlap_and_hold_their_villages() -> None:
    areas = layers.boundaries()
    towns = {code for code in layers.units() if len(code) == 9}
    assert set(areas) == towns
    assert len(towns) == 22
    assert all(area.is_valid and area.geom_type == "Polygon" for area in areas.values())
    whole = shapely.Polygon(layers.outline())
    assert shapely.coverage_is_valid(list(areas.values()))
    assert sum(area.area for area in areas.values()) == pytest.approx(whole.area, rel=1e-9)
    assert shapely.union_all(list(areas.values())).area == pytest.approx(whole.area, rel=1e-9)
    villages = layers.villages()
    assert len(villages) >= 60
    assert [code for code, at in villages.items() if not areas[code[:9]].contains(shapely.Point(at))] == []


@pytest.mark.django_db(transaction=True)
def test_the_demo_loads_once_tells_the_page_and_verifies(capsys: pytest.CaptureFixture[str]) -> None:
    begun = clock.now()
    call_command("load_demo")
    secret = capsys.readouterr().out.split("/care/")[1].split("/")[0]
    assert AuditRecord.objects.filter(at__gt=clock.now()).count() == 0
    check_the_outbreak(secret, begun)
    check_the_page_s_order()
    check_the_meetings(clock.now())
    audited, events = AuditRecord.objects.count(), Event.objects.count()
    call_command("load_demo", "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["loaded"] is False
    assert (AuditRecord.objects.count(), Event.objects.count()) == (audited, events)

    issue = bulletins.document(bulletins.numbered(192))
    assert issue["counts"] == {"rectified": 2, "new": 8, "exposed": 7}
    assert issue["schematic"] is True
    printed = [entry["statement"] for section in issue["sections"] for entry in section["entries"]]
    assert sorted(printed) == sorted(STATEMENTS.values())
    assert set(Entry.objects.values_list("state", flat=True)) == set(State.values)
    assert Entry.objects.filter(statement="").count() == 0
    # Work that is late, and work that is not yet.
    due = Entry.objects.filter(state=State.ASSIGNED).values_list("due_at", flat=True)
    assert min(due) < clock.now() < max(due)
    assert set(Layer.objects.values_list("schematic", flat=True)) == {True}

    issue = bulletins.document(bulletins.numbered(191))
    assert issue["counts"] == {"rectified": 0, "new": 2}
    draft = Issue.objects.get(state=IssueState.DRAFT)
    assert draft.series.next_number == 193
    assert {section: draft.items.filter(section=section).exists() for section in ("rectified", "new")} == {
        "rectified": True,
        "new": True,
    }
    assert {exposed.venue_name for exposed in shown(clock.now())} == set(campaign.STANDS)
    assert Exposure.objects.filter(state="proposed").count() == 1
    planned, walked = PatrolRound.objects.order_by("-starts_on")
    assert rounds.redrawn(planned).same
    assert walked.title == campaign.PAGE_ROUND
    assert walked.closed_at is not None
    assert planned.venues.filter(drawn=True).count() == campaign.SIZE
    round_ = LookbackRound.objects.get()
    assert redrawn(round_).same
    seen = dict(round_.items.filter(drawn=True).exclude(result="").values_list("entry__number", "result"))
    assert seen == {"110112-2021-000001": "stands", "110112-2021-000002": "recurred"}
    check_the_page()
    assert list(all_problems()) == []


@pytest.mark.django_db(transaction=True)
def test_every_login_enters_with_the_password_that_is_printed(client: Client) -> None:
    story.add_people(now=story.beijing(1))
    for username, role, _code, name in story.LOGINS:
        person = Person.objects.get(username=username)
        assert (str(person), person.must_change_password, person.held_roles[0][0]) == (name, False, role)
        form = {"username": username, "password": story.PASSWORD}
        assert client.post(reverse("access:login"), form).status_code == 302
        client.logout()


def a_person() -> None:
    make_person("somebody")


def a_code_list() -> None:
    load_jurisdictions(by=Console(), now=story.beijing(1), data=b"code,name\n130000,x\n", name="codes.csv")


@pytest.mark.django_db
@pytest.mark.parametrize("hold_something", [a_person, a_code_list])
def test_the_demo_does_not_go_into_a_database_in_use(hold_something: Callable[[], None]) -> None:
    hold_something()
    audited = AuditRecord.objects.count()
    with pytest.raises(CommandError, match="not_empty") as refusal:
        call_command("load_demo")
    assert isinstance(refusal.value.__cause__, DubanError)
    assert AuditRecord.objects.count() == audited


def test_no_step_is_taken_by_night_or_before_the_one_that_it_follows() -> None:
    now = story.beijing(400, 9, 30)
    for index, scene in enumerate(story.told(now)):
        steps = list(story.steps(index, scene))
        moments = [scene.found, *(moment for _action, moment in steps)]
        assert moments == sorted(moments)
        assert moments[-1] <= now
        if moments[-1].year == 2021:
            assert all(8 <= (moment.hour + 8) % 24 < 18 for moment in moments)
            before = [moment for action, moment in steps if action not in story.LOOKING_BACK]
            assert max(before, default=scene.found) < story.beijing(25, 10)
