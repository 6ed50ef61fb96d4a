"""The map's clusters: their counts are the list's, whichever way they were made, and the tally is the rows."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from duban.access.models import Person, RoleAt
from duban.demo.builders import NOON, make_finding, make_person
from duban.ledger import actions, map_points, queries, recording, tally
from duban.ledger.categories import category_index
from duban.ledger.models import Entry, Tally
from duban.ledger.queries import Filters

DISTRICT = (116.5, 39.5, 117.0, 40.1)
ZOOMS = (0, 5, 9, 10, 11, 12, 13, 15, 16, 19, 22)
MakeEntry = Callable[[str], Entry]


@pytest.fixture
def crowd(people: dict[str, Person], entry_in: MakeEntry) -> list[Entry]:
    """150 findings in heaps and alone, of both kinds, and one entry in each state."""
    pick = random.Random(7)
    heaps = [(pick.uniform(116.6, 116.9), pick.uniform(39.6, 39.95)) for _ in range(6)]
    findings = []
    for at in range(150):
        lon, lat = pick.choice(heaps) if at % 5 else (pick.uniform(116.55, 116.95), pick.uniform(39.55, 40.0))
        spread = pick.choice([0, 0.0004, 0.004])
        findings.append(
            make_finding(
                3000 + at,
                lon=lon + pick.gauss(0, spread),
                lat=lat + pick.gauss(0, spread),
                category=category_index()[pick.choice(["event:06010", "event:06036", "component:01002"])],
                responsible=pick.choice(["", "110112106", "110112104"]),
            )
        )
    recording.record_findings(by=people["inspector"], now=NOON, findings=findings)
    for state in ("listed", "assigned", "held", "remedied", "closed", "void", "merged", "split"):
        entry_in(state)
    return list(Entry.objects.all())


def counts_of(answer: dict[str, Any]) -> int:
    return sum(feature["properties"]["count"] for feature in answer["features"])


def rows_in(person: Person, wanted: Filters, box: list[float]) -> int:
    west, south, east, north = box
    found = queries.entries_for(person, wanted, now=NOON)
    return found.filter(lon__gte=west, lon__lt=east, lat__gt=south, lat__lte=north).count()


QUESTIONS = [
    Filters(),
    Filters(states=("found",)),
    Filters(states=("assigned", "closed", "merged")),
    Filters(area="110112106"),
    Filters(area="110112104", states=("found",)),
    Filters(category="component:01002"),
    Filters(overdue=True),
    Filters(text="垃圾堆 31"),
    Filters(text="垃"),
]


@pytest.mark.parametrize("few", [0, 400], ids=["clusters", "points"])
def test_the_counts_over_a_box_are_the_lists(
    people: dict[str, Person], crowd: list[Entry], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_points, "FEW", few)
    monkeypatch.setattr(map_points, "SINGLES", 7)
    sighted = make_person("sighted", "supervisor", "110112")
    RoleAt.objects.filter(person=sighted).update(kind="component")
    pick = random.Random(11)
    for person in (people["supervisor"], people["town_handler"], people["stranger"], sighted):
        for wanted in QUESTIONS:
            for zoom in ZOOMS:
                lons, lats = (
                    sorted(pick.uniform(116.5, 117) for _ in "we"),
                    sorted(pick.uniform(39.5, 40.1) for _ in "sn"),
                )
                box = pick.choice([DISTRICT, (lons[0], lats[0], lons[1], lats[1])])
                answer = map_points.drawn(person, wanted, box, zoom, now=NOON)
                shown = answer["bbox"]
                assert shown[0] <= box[0] <= box[2] <= shown[2]
                assert shown[1] <= box[1] <= box[3] <= shown[3]
                assert counts_of(answer) == answer["count"] == rows_in(person, wanted, shown), (wanted, zoom, box)


def test_the_tally_is_the_sum_of_the_rows_after_every_step(people: dict[str, Person], crowd: list[Entry]) -> None:
    supervisor = people["supervisor"]
    found = [entry for entry in crowd if entry.state == "found"]
    for entry in found[:30]:
        actions.list_entry(by=supervisor, now=NOON, entry_id=entry.pk)
    for entry in found[:12]:
        actions.assign_entry(by=supervisor, now=NOON, entry_id=entry.pk, unit="110112104")
    actions.amend_entry(by=supervisor, now=NOON, entry_id=found[0].pk, category=category_index()["component:01002"])
    assert tallied() == counted()
    tally.fold()
    assert tallied() == counted()
    assert not Tally.objects.filter(folded=False).exists()
    actions.void_entry(by=supervisor, now=NOON, entry_id=found[40].pk, reason="误报")
    assert tallied() == counted()
    tally.rebuild()
    assert tallied() == counted()


def tallied() -> Counter[tuple[Any, ...]]:
    return Counter({tuple(row[:-1]): row[-1] for row in tally.sums(Tally.objects.all(), tally.KEY)})


def counted() -> Counter[tuple[Any, ...]]:
    return Counter(key for entry in Entry.objects.select_related("category") for key in tally.keys_of(entry))


def test_loose_rows_are_folded_by_themselves(people: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "LOOSE_LIMIT", 20)
    findings = [make_finding(seed) for seed in range(60)]
    for at in range(0, 60, 3):
        recording.record_findings(by=people["inspector"], now=NOON, findings=findings[at : at + 3])
    tally.fold_if_many()
    assert Tally.objects.filter(folded=False).count() <= 20
    assert tallied() == counted()


def test_one_alone_is_drawn_as_itself(
    people: dict[str, Person], crowd: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_points, "FEW", 0)
    answer = map_points.drawn(people["supervisor"], Filters(), DISTRICT, 12, now=NOON)
    alone = [feature for feature in answer["features"] if feature["properties"]["count"] == 1]
    heaps = [feature for feature in answer["features"] if feature["properties"]["count"] > 1]
    assert alone
    assert heaps
    known = {str(entry.pk): entry for entry in crowd}
    for feature in alone:
        entry = known[feature["id"]]
        assert feature["geometry"]["coordinates"] == [entry.lon, entry.lat]
        assert entry.number in feature["properties"]["title"]
    assert all("url" not in feature["properties"] for feature in heaps)


def test_what_the_tally_answers_the_rows_would_answer(
    people: dict[str, Person], crowd: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_points, "FEW", 0)
    monkeypatch.setattr(map_points, "SINGLES", 0)
    wanted = Filters(states=("found", "closed"))
    kept = map_points.drawn(people["supervisor"], wanted, DISTRICT, 9, now=NOON)
    monkeypatch.setattr(tally, "ZOOM", 0)
    plain = map_points.drawn(people["supervisor"], wanted, DISTRICT, 9, now=NOON)
    assert [(one["id"], one["properties"]["count"]) for one in kept["features"]] == [
        (one["id"], one["properties"]["count"]) for one in plain["features"]
    ]


def test_a_street_of_too_many_is_clusters_that_add_up(
    people: dict[str, Person], crowd: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = map_points.drawn(people["supervisor"], Filters(), DISTRICT, 17, now=NOON)
    assert {one["properties"]["count"] for one in whole["features"]} == {1}
    monkeypatch.setattr(map_points, "STREET_CAP", 20)
    answer = map_points.drawn(people["supervisor"], Filters(), DISTRICT, 17, now=NOON)
    assert not answer["more"]
    assert answer["count"] == whole["count"] > 20
    assert sum(one["properties"]["count"] for one in answer["features"]) == answer["count"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("zoom=10", "bad_box"),
        ("zoom=10&bbox=1,2,3", "bad_box"),
        ("zoom=10&bbox=1,2,3,x", "bad_box"),
        ("zoom=10&bbox=1,2,nan,4", "bad_box"),
        ("zoom=10&bbox=3,2,1,4", "bad_box"),
        ("zoom=10&bbox=1,2,3,91", "bad_box"),
        ("bbox=1,2,3,4", "bad_zoom"),
        ("bbox=1,2,3,4&zoom=-1", "bad_zoom"),
        ("bbox=1,2,3,4&zoom=25", "bad_zoom"),
        ("bbox=1,2,3,4&zoom=inf", "bad_zoom"),
        ("bbox=1,2,3,4&zoom=10&state=nowhere", "unknown_state"),
    ],
)
def test_a_view_that_is_none_is_refused(people: dict[str, Person], client: Client, query: str, code: str) -> None:
    client.force_login(people["supervisor"], "django.contrib.auth.backends.ModelBackend")
    answer = client.get(f"{reverse('ledger:clusters')}?{query}", headers={"Accept": "application/json"})
    assert answer.status_code == 400
    assert code in answer.content.decode()


def test_the_map_asks_few_questions(
    people: dict[str, Person], crowd: list[Entry], client: Client, django_assert_max_num_queries: Any
) -> None:
    client.force_login(people["supervisor"], "django.contrib.auth.backends.ModelBackend")
    for zoom in ZOOMS:
        with django_assert_max_num_queries(8):
            answer = client.get(reverse("ledger:clusters"), {"bbox": "116.5,39.5,117,40.1", "zoom": zoom})
        assert answer.json()["count"] == counts_of(answer.json()) > 150


def test_the_whole_earth_is_a_box(people: dict[str, Person], crowd: list[Entry]) -> None:
    answer = map_points.drawn(people["supervisor"], Filters(), (-180, -90, 180, 90), 0, now=NOON)
    assert answer["count"] == len(crowd)
