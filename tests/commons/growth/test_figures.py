"""Every figure equals a plain count of the rows, and opens exactly those rows."""

import io
import random
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import openpyxl
import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.commons.growth.building import make_organisation

from duban.commons.growth.figures import Figures, Line, _ages, figures_in, sentences
from duban.commons.growth.figures_pages import Rows, as_csv, as_xlsx
from duban.commons.models import LifeEvent, Organisation, OrganisationKind, Purpose, Tier
from duban.commons.register.codes import body_check, last_check
from duban.commons.register.filters import AGES, MEMBERS, age_words, matching, read_filters, read_range, years_before
from duban.commons.register.queries import category_names
from duban.core import clock
from duban.core.audit import Console
from duban.demo.builders import NOON, make_person
from duban.demo.layers import SOURCE, codes_table, draw_layers
from duban.places.actions import load_jurisdictions, load_layer

pytestmark = pytest.mark.django_db
TODAY = date(2021, 1, 18)
PLACES = ("110112004001", "110112004002", "110112004", "110112106001", "110112106201", "110113001001")
AREAS = ("110112", "110112004", "110112004001", "110112106", "110113", "110199")


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def register(db: None) -> list[Organisation]:
    """Some hundred of every sort, a tenth of them dissolved, some of an unknown day, some on the edge of an age."""
    chance = random.Random(7)
    edges = [TODAY, *(years_before(TODAY, years) for years in (1, 3, 5, 10))]
    edges += [day + timedelta(days=1) for day in edges[1:]] + [day - timedelta(days=1) for day in edges]
    made = []
    for number in range(160):
        founded = edges[number] if number < len(edges) else TODAY - timedelta(days=chance.randrange(6000))
        tier = chance.choice(Tier.values)
        seventeen = f"51110112MJ{number:06}{body_check(f'MJ{number:06}')}"
        one = make_organisation(
            f"组织{number}",
            chance.choice(PLACES),
            tier=tier,
            kind=chance.choice(OrganisationKind.values),
            category=chance.choice(("culture", "living", "charity", "affairs")),
            credit_code=seventeen + last_check(seventeen) if tier == "registered" else "",
            purpose=chance.choice(Purpose.values),
            members=chance.choice((0, 9, 10, 29, 30, 49, 50, 99, 100, 5000)),
            founded=None if number % 17 == 16 else founded,
            dissolved_on=TODAY - timedelta(days=chance.randrange(3)) if number % 10 == 9 else None,
        )
        made.append(one)
        if one.purpose == Purpose.SELF_GOVERNANCE and number % 2:
            LifeEvent.objects.create(
                organisation=one, what="purpose", on=date(2015 + number % 5, 3, 1), before="leisure",
                after="self_governance", by={}, at=NOON,
            )  # fmt: skip
    return made


def asked(url: str) -> set[str]:
    """The names of the rows that the register answers the address with."""
    query = QueryDict(urlsplit(url).query)
    wanted = read_filters(query, category_names())
    return set(matching(Organisation.objects.all(), wanted, TODAY).values_list("name", flat=True))


def lines_of(found: Figures) -> Iterator[Line]:
    yield found.total
    for name in ("tiers", "kinds", "purposes", "categories", "ages", "sizes"):
        yield from getattr(found, name)
    yield from (one.line for one in found.places)


@pytest.mark.parametrize("area", AREAS)
def test_every_number_opens_exactly_its_rows(register: list[Organisation], area: str) -> None:
    found = figures_in([area], TODAY, area)
    rows = Rows("commons:organisations", "commons:organisation_figures")
    opened = 0
    for line in lines_of(found):
        url = rows.of(line)
        if not url:
            continue
        names = asked(url)
        there = [one for one in register if one.name in names]
        assert (line.n, line.members) == (len(there), sum(one.members for one in there)), line
        assert all(one.jurisdiction.startswith(area) and one.dissolved_on is None for one in there)
        opened += 1
    for year in found.years:
        standing = asked(rows.of(Line("", "", 0, 0, {"area": area, "founded": year.span})))
        gone = asked(rows.of(Line("", "", 0, 0, {"area": area, "founded": year.span, "dissolved": "1"})))
        assert (year.founded, year.gone) == (len(standing), len(gone)), year
    assert opened > 15 or not found.total.n


@pytest.mark.parametrize("area", AREAS)
def test_the_tables_add_up(register: list[Organisation], area: str) -> None:
    found = figures_in([area], TODAY, area)
    mine = [one for one in register if one.jurisdiction.startswith(area) and one.dissolved_on is None]
    assert (found.total.n, found.total.members) == (len(mine), sum(one.members for one in mine))
    for name in ("tiers", "kinds", "purposes", "categories", "ages", "sizes"):
        lines: list[Line] = getattr(found, name)
        assert sum(line.n for line in lines) == len(mine), name
        assert sum(line.members for line in lines) == found.total.members, name
    assert sum(one.line.n for one in found.places) == len(mine)
    assert sum(sum(one.tiers.values()) for one in found.places) == len(mine)
    assert found.undated == sum(one.founded is None for one in mine)
    every = [one for one in register if one.jurisdiction.startswith(area) and one.founded]
    for year in found.years:
        end = date(year.year, 12, 31)
        stood = [one for one in every if one.founded <= end and (one.dissolved_on is None or one.dissolved_on > end)]
        assert year.stood == len(stood), year
    turns = LifeEvent.objects.filter(organisation__in=mine, what="purpose")
    assert found.turned == turns.count() == sum(year.turned for year in found.years)
    assert Counter(event.on.year for event in turns) == Counter(
        {year.year: year.turned for year in found.years if year.turned}
    )


def test_a_part_and_a_part_make_the_whole(register: list[Organisation]) -> None:
    """Whatever codes are asked for: those of one in another count once."""
    whole = figures_in(["110112004", "110112106"], TODAY)
    parts = [figures_in([code], TODAY, code) for code in ("110112004", "110112106")]
    overlapping = figures_in(["110112004", "110112004001", "110112106"], TODAY)
    assert whole.total.n == sum(part.total.n for part in parts) == overlapping.total.n
    assert [line.n for line in whole.ages] == [
        sum(pair) for pair in zip(*([line.n for line in part.ages] for part in parts), strict=True)
    ]
    assert figures_in([], TODAY).total.n == 0


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(day=st.dates(date(1996, 1, 1), date(2040, 12, 31)), age=st.integers(0, 40), slip=st.integers(-1, 1))
def test_an_age_band_has_the_edge_that_the_register_has(day: date, age: int, slip: int) -> None:
    founded = years_before(day, age) + timedelta(days=slip)
    if founded > day:
        return
    row = {"founded": founded, "dissolved_on": None, "n": 1, "people": 1}
    band = next(line.key for line in _ages([row], day, "") if line.n)
    span = read_range(band, "age")
    completed = day.year - founded.year - ((day.month, day.day) < (founded.month, founded.day))
    assert (span.low or 0) <= completed <= (span.high if span.high is not None else 10_000)


def test_bands_are_the_registers(register: list[Organisation]) -> None:
    found = figures_in(["110112"], TODAY)
    assert [line.key for line in found.ages] == list(AGES)
    assert [line.key for line in found.sizes] == list(MEMBERS)
    assert age_words(AGES[0]) in {line.label for line in found.ages}


def test_the_sentence_says_the_numbers_in_both_languages(register: list[Organisation]) -> None:
    found = figures_in(["110112"], TODAY)
    said = sentences(found, "通州区")
    for words in said.values():
        assert f"{found.total.n:,}" in words
        assert f"{found.line('tiers', 'filed').members:,}" in words
    assert said["zh"].startswith("通州区")
    assert "，" in said["zh"]


@pytest.mark.parametrize("path", ["/commons/organisation-figures/", "/organisations/figures/"])
@pytest.mark.parametrize("area", ["", "110112004", "110112004001"])
def test_the_pages_ask_the_database_few_times(
    register: list[Organisation], path: str, area: str, client: Client, django_assert_max_num_queries: object
) -> None:
    client.force_login(make_person("seer", "leader"))
    client.get(path)
    with django_assert_max_num_queries(24):  # type: ignore[operator]
        page = client.get(path, {"area": area})
    assert page.status_code == 200
    assert b"data-chart" in page.content


def test_a_reader_of_a_town_has_the_figures_of_the_town(register: list[Organisation], client: Client) -> None:
    client.force_login(make_person("seer", "leader", "110112106"))
    whole = client.get("/commons/organisation-figures/").context["found"].total.n
    assert whole == sum(one.jurisdiction.startswith("110112106") and not one.dissolved_on for one in register)
    for area in ("110112106", "110112"):
        assert client.get("/commons/organisation-figures/", {"area": area}).context["found"].total.n == whole
    assert client.get("/commons/organisation-figures/", {"area": "110112004"}).context["found"].total.n == 0
    refused = client.get("/commons/organisation-figures/", {"area": "玉桥"})
    assert (refused.status_code, refused.context["refusal"].code) == (400, "bad_code")


def test_anybody_reads_the_figures_and_follows_only_what_the_public_list_answers(
    register: list[Organisation], client: Client
) -> None:
    page = client.get("/organisations/figures/")
    assert page.context["found"].total.n == sum(not one.dissolved_on for one in register)
    urls = [url for _key, _title, lines in page.context["tables"] for _line, url in lines if url]
    assert urls
    for url in urls:
        assert set(parse_qs(urlsplit(url).query)) <= {"area", "tier", "category", "kind"}
        assert client.get(url).status_code == 200


def test_the_map_counts_each_organisation_once_at_every_zoom(register: list[Organisation], client: Client) -> None:
    load_jurisdictions(by=Console(), now=NOON, data=codes_table(), name="a.csv")
    for name, features in draw_layers().items():
        load_layer(by=Console(), now=NOON, name=name, features=features, schematic=True, as_of=TODAY, source=SOURCE)
    client.force_login(make_person("seer", "leader"))
    for address in ("/commons/organisation-figures/places.json", "/organisations/figures/places.json"):
        for area in ("110112", "110112004"):
            whole = sum(one.jurisdiction.startswith(area) and not one.dissolved_on for one in register)
            shown = [client.get(address, {"area": area, "zoom": zoom}).json()["points"] for zoom in (0, 9, 12, 22, "")]
            assert [sum(point["count"] for point in points) for points in shown] == [whole] * 5
            assert len(shown[0]) == 1
            assert [len(points) for points in shown] == sorted(len(points) for points in shown)
            assert all(bool(point["url"]) == ("、" not in point["title"]) for point in shown[1])
        for zoom in ("-1", "9.5", "1e9", "9999", "x"):
            assert client.get(address, {"zoom": zoom}).status_code == 200
    assert client.get("/organisations/figures/places.json", {"area": "x"}).status_code == 400


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_the_files_say_what_the_page_says(register: list[Organisation], form: str, client: Client) -> None:
    client.force_login(make_person("seer", "leader"))
    answer = client.get(f"/commons/organisation-figures/organisations.{form}", {"area": "110112004"})
    assert answer.status_code == 200
    assert f"organisations-110112004.{form}" in answer.headers["Content-Disposition"]
    assert client.get("/commons/organisation-figures/organisations.pdf").status_code == 404
    found = figures_in(["110112004"], timezone.localdate(NOON), "110112004")
    text = as_csv(found).decode("utf-8-sig")
    assert f",{found.total.n},{found.total.members}," in text
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx(found)))
    assert len(book.sheetnames) == 8
    places, *_others, years = book.worksheets
    *lines, last = places.iter_rows(min_row=2, values_only=True)
    assert last[2:4] == (found.total.n, found.total.members)
    assert [sum(line[place] for line in lines) for place in (2, 4, 5, 6)] == [last[place] for place in (2, 4, 5, 6)]
    assert [row[0] for row in years.iter_rows(min_row=2, values_only=True)] == [year.year for year in found.years]
