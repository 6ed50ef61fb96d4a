"""Contacts against every pair of stays, the contact data set's shape, and what a generation may cost."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engines.screen.brute import met
from tests.engines.screen.test_screen_laws import SCHEMA

from duban.engines.geo.geodesy import geodesic
from duban.engines.screen import Case, ScreenError, Settings, Store, WindowRule, read_cases, trace, within_metres
from duban.engines.screen.instants import FOREVER, MINUTE, to_micros

START = datetime(2021, 1, 10, tzinfo=UTC)
NOW = START + timedelta(days=2)
ROUND = Settings(minutes=15, metres=0, generations=2)


def minute(n):
    return START + timedelta(minutes=n)


def stay(person, venue, begin, end, lon=None, lat=None):
    return {
        "person": person,
        "venue": venue,
        "lon": lon,
        "lat": lat,
        "area_code": None,
        "arrived": minute(begin),
        "departed": None if end is None else minute(end),
    }


def in_micros(rows):
    return [
        row
        | {
            "arrived": to_micros(row["arrived"]),
            "departed": FOREVER if row["departed"] is None else to_micros(row["departed"]),
        }
        for row in rows
    ]


def as_found(table):
    return {
        (row["generation"], row["source"], row["person"], row["place"]): (
            to_micros(row["first"]),
            to_micros(row["last"]),
            round(row["minutes"] * MINUTE),
        )
        for row in table.to_pylist()
    }


def traced(rows, cases, chosen, **more):
    return trace(pa.Table.from_pylist(rows, SCHEMA), cases, chosen, now=NOW, workers=1, **more)


people = st.sampled_from(["甲", "乙", "丙", "丁", "戊", "己"])
# Some steps are about as long as the limit, so that both sides of it come up.
steps = st.integers(0, 6).map(lambda n: n / 10_000)
stays = st.builds(
    lambda person, venue, begin, long, x, y: stay(
        person, venue, begin, None if long is None else begin + long, 116.6 + x, 39.9 + y
    ),
    people,
    st.sampled_from(["超市", "饭店", None, ""]),
    st.integers(-3000, 600),
    st.none() | st.integers(0, 90),
    steps,
    steps,
)
cases = st.lists(
    st.builds(
        lambda person, onset, isolated: Case(
            person, minute(onset), None, None if isolated is None else minute(isolated)
        ),
        people,
        st.integers(-300, 600),
        st.none() | st.integers(0, 900),
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda case: case.person,
)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(stays, max_size=25),
    cases,
    st.sampled_from([0.0, 11.1, 40.0]),
    st.sampled_from([0, 15, 60]),
    st.integers(1, 3),
    st.sampled_from([0, 30]),
)
def test_contacts_are_what_every_pair_of_stays_says(rows, given_cases, metres, minutes, generations, after):
    result = traced(rows, given_cases, Settings(minutes, metres, generations, after))
    windows = {}
    for case in given_cases:
        opens, closes = case.window()
        windows[case.person] = (to_micros(opens), to_micros(closes) if closes else FOREVER)

    def near(one, other):
        away = geodesic(one["lon"], one["lat"], other["lon"], other["lat"])[0][0]
        return metres > 0 and away <= metres

    expected = met(
        in_micros(rows),
        windows,
        to_micros(NOW),
        minutes=minutes,
        generations=generations,
        after=after * MINUTE,
        near=near,
    )
    assert as_found(result.table) == expected
    assert all(scans <= 2 for scans in result.scans)
    assert len(result.scans) <= generations


def test_generations_begin_where_the_one_before_was_met():
    rows = [
        stay("case", "超市", 0, 60),
        stay("one", "超市", 30, 90),
        # Before "one" was met: no contact of the second generation.
        stay("one", "饭店", -200, -100),
        stay("early", "饭店", -200, -100),
        stay("one", "饭店", 120, 180),
        stay("late", "饭店", 150, 240),
        stay("short", "饭店", 170, 182),
        # Met by a contact, but a case: never a contact.
        stay("case", "饭店", 120, 180),
    ]
    result = traced(rows, [Case("case", None, minute(600))], ROUND)
    assert [(row["generation"], row["source"], row["person"], row["minutes"]) for row in result.table.to_pylist()] == [
        (1, "case", "late", 30.0),
        (1, "case", "one", 30.0),
        (1, "case", "one", 60.0),
    ]
    rows = rows[:-1]
    result = traced(rows, [Case("case", None, minute(600))], ROUND)
    assert [(row["generation"], row["source"], row["person"], row["minutes"]) for row in result.table.to_pylist()] == [
        (1, "case", "one", 30.0),
        (2, "one", "late", 30.0),
    ]
    assert result.people == (1, 1)
    assert result.scans == (2, 2)


@pytest.mark.parametrize(("minutes", "count"), [(15, 1), (15.0001, 0), (0, 1)])
def test_the_time_at_one_place_is_added_up_and_the_limit_is_included(minutes, count):
    rows = [stay("case", "店", 0, 100), stay("p", "店", 0, 7), stay("p", "店", 50, 58), stay("p", "别处", 60, 61)]
    assert traced(rows, [Case("case", minute(0), None)], Settings(minutes)).contacts == count


def test_who_comes_shortly_after_is_met_only_when_asked_for():
    rows = [stay("case", "店", 0, 60), stay("next", "店", 70, 100)]
    cases = [Case("case", minute(0), None)]
    assert traced(rows, cases, Settings(minutes=0)).contacts == 0
    (contact,) = traced(rows, cases, Settings(minutes=15, after_minutes=30)).table.to_pylist()
    assert (contact["first"], contact["last"], contact["minutes"]) == (minute(70), minute(90), 20.0)


def test_total_minutes_of_face_to_face_data_match():
    """The shape of the public data sets: (t, i, j), a contact of 20 s that ends at t."""
    random = np.random.default_rng(11)
    contacts = {
        (20 * int(t), *sorted(map(int, pair)))
        for t in random.integers(1, 2000, 3000)
        for pair in [random.choice(25, 2, replace=False)]
    }
    rows, total = [], {}
    for t, i, j in contacts:
        for person in (i, j):
            begin = START + timedelta(seconds=t - 20)
            rows.append(
                stay(f"p{person}", f"{t} {i} {j}", 0, 0) | {"arrived": begin, "departed": begin + timedelta(seconds=20)}
            )
        for one, other in ((i, j), (j, i)):
            total[one, other] = total.get((one, other), 0) + 20
    for case in (0, 7):
        found = traced(rows, [Case(f"p{case}", START, None)], Settings(minutes=0)).table.to_pylist()
        summed = {}
        for row in found:
            summed[row["person"]] = summed.get(row["person"], 0) + round(row["minutes"] * 60)
        assert summed == {f"p{other}": seconds for (one, other), seconds in total.items() if one == case}


def test_metres_are_decided_on_the_ellipsoid():
    random = np.random.default_rng(3)
    lon, lat = random.uniform(-179, 179, 4000), random.uniform(-80, 80, 4000)
    turn, away = random.uniform(0, 2 * np.pi, 4000), random.uniform(0, 5200, 4000)
    other_lat = lat + away * np.cos(turn) / 111_000
    other_lon = lon + away * np.sin(turn) / 111_000 / np.cos(np.radians(lat))
    exact = geodesic(lon, lat, other_lon, other_lat)[0]
    for metres in (0.5, 50.0, 1000.0, 5000.0):
        assert np.array_equal(within_metres(lon, lat, other_lon, other_lat, metres), exact <= metres)
    for at in (0, 100, 1000):
        assert within_metres(lon[[at]], lat[[at]], other_lon[[at]], other_lat[[at]], float(exact[at]))[0]


def test_a_store_gives_the_same_contacts(tmp_path):
    rows = [stay(f"p{n % 40}", f"v{n % 7}", 13 * n, 13 * n + 120) for n in range(400)]
    cases = [Case("p3", minute(600), None)]
    store = Store(tmp_path)
    store.add(pa.Table.from_pylist(rows, SCHEMA))
    one, other = traced(rows, cases, ROUND), trace(store, cases, ROUND, now=NOW, workers=1)
    assert one.contacts > 10
    assert one.table.equals(other.table)


def test_bad_rows_are_rejected_by_row_and_the_rest_is_traced():
    rows = [
        stay("case", "店", 0, 60),
        stay(None, "店", 0, 60),
        stay("p", None, 0, 60),
        stay("p", "店", 60, 0),
        stay("p", "店", 0, 60, lon=39.9, lat=116.6),
        stay("p", "店", 20, 60),
    ]
    result = traced(rows, [Case("case", minute(0), None)], ROUND)
    assert result.rejected.select(["row", "reason"]).to_pylist() == [
        {"row": 1, "reason": "no_person"},
        {"row": 2, "reason": "no_place"},
        {"row": 3, "reason": "departed_before_arrived"},
        {"row": 4, "reason": "swapped"},
    ]
    assert result.accepted + sum(result.rejects.values()) == result.rows == 6
    assert [row["minutes"] for row in result.table.to_pylist()] == [40.0]


@pytest.mark.parametrize(
    ("onset", "sampled", "isolated", "opens"),
    [(5000, 9000, None, 5000 - 2880), (None, 9000, 9500, 9000 - 2880)],
)
def test_the_window_opens_before_onset_or_else_before_sampling(onset, sampled, isolated, opens):
    case = Case("p", *(None if n is None else minute(n) for n in (onset, sampled, isolated)))
    assert case.window() == (minute(opens), None if isolated is None else minute(isolated))


def test_the_rule_in_force_on_the_day_counts():
    rules = (WindowRule(START.date() + timedelta(days=1), 4, 3), WindowRule(START.date(), 2, 1))
    assert Case("p", minute(60), None).window(rules)[0] == minute(60) - timedelta(days=2)
    assert Case("p", None, minute(60)).window(rules)[0] == minute(60) - timedelta(days=1)
    assert Case("p", minute(2000), None).window(rules)[0] == minute(2000) - timedelta(days=4)


def test_cases_are_read_in_the_zone_they_lack():
    cases = read_cases(
        "person,onset_at,sampled_at,isolated_at\np,2021-01-10T08:00,2021-01-11,\nq,,2021-01-11T00:00:00Z,\n",
        zone=UTC,
    )
    assert cases == [
        Case("p", START + timedelta(hours=8), START + timedelta(days=1)),
        Case("q", None, START + timedelta(days=1)),
    ]


@pytest.mark.parametrize(
    ("text", "code", "row"),
    [
        ("person,onset_at\np,2021-01-10\n", "missing_column", None),
        ("person,sampled_at\np,\n", "no_onset", 0),
        ("person,sampled_at\np,2021-01-10T00:00Z\n,2021-01-10T00:00Z\n", "no_person", 1),
        ("person,sampled_at\np,2021-01-10T00:00\n", "naive_time", 0),
        ("person,sampled_at\np,tenth\n", "bad_time", 0),
    ],
)
def test_bad_cases_are_refused_with_their_row(text, code, row):
    with pytest.raises(ScreenError) as error:
        read_cases(text)
    assert (error.value.code, error.value.row) == (code, row)


@pytest.mark.parametrize(
    "chosen", [{"minutes": -1}, {"metres": 5001}, {"metres": float("nan")}, {"generations": 0}, {"after_minutes": -1}]
)
def test_settings_that_mean_nothing_are_refused(chosen):
    with pytest.raises(ScreenError) as error:
        Settings(**chosen)
    assert error.value.code == "bad_setting"


def test_a_case_isolated_before_being_infectious_is_refused():
    with pytest.raises(ScreenError) as error:
        traced([], [Case("p", minute(9000), None, minute(0))], ROUND)
    assert error.value.code == "bad_window"


def test_nobody_there_is_an_answer():
    result = traced([], [Case("p", minute(0), None)], ROUND)
    assert (result.contacts, result.people, result.scans) == (0, (0,), (0,))
