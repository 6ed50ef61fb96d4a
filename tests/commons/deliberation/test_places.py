"""Places: an entrance in a building in an estate, a name once, moved only where no vote counts it."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.commons.building import COMMUNITY, make_households
from tests.commons.deliberation.building import MET, Neighbourhood, make_neighbourhood, refused

from duban.commons.deliberation import places, queries
from duban.commons.models import SharedPlace
from duban.commons.voting import actions as voting
from duban.commons.voting.actions import VoteRules
from duban.commons.voting.queries import households_of
from duban.core.errors import DubanError
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db


def test_what_lies_in_what(home: Neighbourhood) -> None:
    make = {"by": home.worker, "now": NOON}

    def code(kind: str, within: SharedPlace | None) -> str:
        return refused(lambda: places.make_place(kind=kind, name="x", within_id=within.pk if within else None, **make))

    assert queries.full_name(home.entrance) == "艺苑西里 3号楼 2单元"
    assert code("estate", home.estate) == "place_within"
    assert code("building", home.building) == "place_within"
    assert code("building", home.entrance) == "place_within"
    assert code("entrance", home.entrance) == "place_within"
    assert code("garden", home.estate) == "place_kind"
    assert home.entrance.jurisdiction == COMMUNITY
    alone = places.make_place(kind="entrance", name="平房1号", jurisdiction=COMMUNITY, **make)
    assert queries.chain_of(alone) == [alone]
    straight = places.make_place(kind="entrance", name="东门", within_id=home.estate.pk, **make)
    assert [one.name for one, _beneath in queries.parts_of(home.estate)] == ["3号楼", "东门"]
    assert queries.ids_around(straight) == {straight.pk, home.estate.pk}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "  "}, "place_name"),
        ({"name": "长" * 101}, "place_name"),
        ({"name": "坏\x00"}, "bad_text"),
        ({"lon": 116.6}, "place_position"),
        ({"lat": 39.8}, "place_position"),
        ({"lon": 181.0, "lat": 39.8}, "place_position"),
        ({"lon": float("nan"), "lat": 39.8}, "place_position"),
        ({"jurisdiction": "11011"}, "bad_code"),
        ({"jurisdiction": "110112106001"}, "not_allowed"),
    ],
)
def test_what_no_place_may_be(home: Neighbourhood, changes: dict[str, object], code: str) -> None:
    facts = {"kind": "estate", "name": "新里", "jurisdiction": COMMUNITY} | changes
    assert refused(lambda: places.make_place(by=home.worker, now=NOON, **facts)) == code
    assert SharedPlace.objects.count() == 3


def test_a_name_stands_once_at_the_top_and_once_within_another(home: Neighbourhood) -> None:
    make = {"by": home.worker, "now": NOON}
    again = {"kind": "estate", "name": "艺苑西里", "jurisdiction": COMMUNITY}
    assert refused(lambda: places.make_place(**again, **make)) == "place_there"
    assert refused(lambda: places.make_place(kind="building", name="3号楼", within_id=home.estate.pk, **make)) == (
        "place_there"
    )
    other = places.make_place(kind="building", name="4号楼", within_id=home.estate.pk, **make)
    places.make_place(kind="entrance", name="2单元", within_id=other.pk, **make)
    renamed = refused(lambda: places.change_place(place_id=other.pk, name="3号楼", **make))
    assert renamed == "place_there"
    key = uuid.uuid4()
    first = places.make_place(kind="estate", name="甲里", jurisdiction=COMMUNITY, place_id=key, **make)
    assert places.make_place(kind="estate", name="乙里", jurisdiction=COMMUNITY, place_id=key, **make) == first


def test_a_part_outside_its_whole_is_refused(home: Neighbourhood) -> None:
    worker = make_person("wide", "community_worker", "110112")
    outside = {"kind": "building", "name": "5号楼", "within_id": home.estate.pk, "jurisdiction": "110112106001"}
    assert refused(lambda: places.make_place(by=worker, now=NOON, **outside)) == "place_area"
    elsewhere = places.make_place(by=worker, now=NOON, kind="estate", name="漷里", jurisdiction="110112106001")
    move = {"by": worker, "now": NOON, "place_id": home.building.pk, "within_id": elsewhere.pk}
    assert refused(lambda: places.move_place(**move)) == "place_area"


def test_another_office_sees_nothing_of_it_and_a_supervisor_changes_nothing(home: Neighbourhood) -> None:
    stranger = make_person("stranger", "community_worker", "110112106")
    change = {"now": NOON, "place_id": home.estate.pk, "name": "改"}
    assert refused(lambda: places.change_place(by=stranger, **change)) == "place_not_found"
    supervisor = make_person("super", "supervisor", "110112")
    assert refused(lambda: places.change_place(by=supervisor, **change)) == "not_allowed"
    assert refused(lambda: queries.place_by_token("nowhere")) == "place_not_found"
    assert refused(lambda: queries.place_by_token("坏字")) == "place_not_found"
    assert queries.place_by_token(home.entrance.token) == home.entrance


def test_it_moves_only_while_no_vote_counts_its_households(home: Neighbourhood) -> None:
    make = {"by": home.worker, "now": NOON}
    other = places.make_place(kind="estate", name="艺苑东里", jurisdiction=COMMUNITY, **make)
    topic = home.topic(home.estate)
    vote = voting.make_vote(
        by=home.worker, now=NOON, topic_id=topic.pk, question="装灯吗?", rules=VoteRules(), opens_at=NOON,
        closes_at=MET,
    )  # fmt: skip
    move = {"by": home.worker, "now": NOON, "place_id": home.building.pk}
    assert refused(lambda: places.move_place(within_id=other.pk, **move)) == "vote_under_way"
    assert refused(lambda: places.move_place(within_id=None, **move)) == "vote_under_way"
    # Within the same estate nothing changes for its vote.
    inside = {"by": home.worker, "now": NOON, "place_id": home.entrance.pk, "within_id": home.estate.pk}
    assert places.move_place(**inside).within == home.estate
    assert households_of(home.estate).count() == 4
    voting.close_vote(by=home.worker, now=MET + timedelta(hours=1), vote_id=vote.pk)
    assert places.move_place(within_id=other.pk, **move).within == other
    assert places.move_place(within_id=other.pk, **move).within == other


def test_counts_of_places_hold_what_lies_two_deep(home: Neighbourhood) -> None:
    home.topic()
    home.topic(home.estate, "装灯")
    assert queries.counts_of_places([home.estate]) == {home.estate.pk: (2, 2)}
    assert queries.counts_of_places([]) == {}


def test_the_list_asks_the_same_few_questions_however_many_places(home: Neighbourhood, client: object) -> None:
    client.force_login(home.worker)  # type: ignore[attr-defined]
    asked = []
    for more in (0, 60):
        for number in range(more):
            places.make_place(by=home.worker, now=NOON, kind="estate", name=f"{number}里", jurisdiction=COMMUNITY)
        with CaptureQueriesContext(connection) as caught:
            assert client.get("/commons/places/").status_code == 200  # type: ignore[attr-defined]
        asked.append(len(caught))
    assert asked[1] <= asked[0] + 1
    assert asked[1] <= 15


@pytest.mark.django_db(transaction=True)
def test_two_of_one_name_at_once_are_one() -> None:
    home = make_neighbourhood(0)

    def make(_turn: int) -> str:
        try:
            places.make_place(by=home.worker, now=NOON, kind="estate", name="新里", jurisdiction=COMMUNITY)
            return "made"
        except DubanError as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(make, range(4)))
    assert answers == ["made", *["place_there"] * 3]


def test_households_come_from_all_that_lies_in_a_place(home: Neighbourhood) -> None:
    make_households(home.building, 2)
    assert (households_of(home.estate).count(), households_of(home.entrance).count()) == (6, 4)
