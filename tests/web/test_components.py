"""The components: what each writes for which value, in both languages."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import translation

from duban.core import clock

NOW = datetime(2021, 1, 20, 1, 0, tzinfo=UTC)
"""09:00 in Beijing."""


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def write(source: str, language: str = "zh-hans", **context: object) -> str:
    with translation.override(language):
        return Template("{% load duban %}" + source).render(Context(context)).strip()


@pytest.mark.parametrize(
    ("value", "language", "shown", "full"),
    [
        (NOW, "zh-hans", "1月20日", "2021年1月20日 星期三 09:00"),
        (NOW, "en", "20 Jan", "Wednesday 20 January 2021 09:00"),
        (datetime(2021, 1, 19, 16, 10, tzinfo=UTC), "zh-hans", "1月20日", "2021年1月20日 星期三 00:10"),
        ("2021-01-20T00:10:00+08:00", "en", "20 Jan", "Wednesday 20 January 2021 00:10"),
        (date(2020, 12, 31), "zh-hans", "2020年12月31日", "2020年12月31日 星期四"),
        (date(2020, 12, 31), "en", "31 Dec 2020", "Thursday 31 December 2020"),
    ],
)
def test_a_day_is_short_with_the_whole_on_hover(value: object, language: str, shown: str, full: str) -> None:
    written = write("{% day value %}", language, value=value)
    assert f">{shown}</time>" in written
    assert f'title="{full}"' in written


@pytest.mark.parametrize("value", [None, "", "soon", 5])
def test_what_is_no_day_is_a_dash(value: object) -> None:
    assert write("{% day value %}", value=value) == "–"
    assert write("{% moment value %}", value=value) == "–"


@pytest.mark.parametrize(
    ("metres", "zh", "en"),
    [(27.4, "约27米", "about 27 m"), (1173, "约1,173米", "about 1,173 m"), (0, "约0米", "about 0 m")],
)
def test_distances_are_whole_metres(metres: float, zh: str, en: str) -> None:
    assert zh in write("{% distance metres %}", metres=metres)
    assert en in write("{% distance metres %}", "en", metres=metres)
    assert write("{% distance None %}") == "–"


@pytest.mark.parametrize(
    ("due", "late", "zh", "en"),
    [
        (NOW - timedelta(days=3, hours=1), True, "超期3天", "3 days late"),
        (NOW - timedelta(hours=25), True, "超期1天", "1 day late"),
        (NOW - timedelta(minutes=10), True, "超期1小时", "1 hour late"),
        (NOW + timedelta(hours=8), False, "<b>今天</b> 17:00", "<b>today</b> 17:00"),
        (NOW + timedelta(hours=16), False, "<b>明天</b> 01:00", "<b>tomorrow</b> 01:00"),
        (NOW + timedelta(days=2), False, "1月22日 09:00", "22 Jan 09:00"),
        (NOW - timedelta(days=3), False, "1月17日 09:00", "17 Jan 09:00"),
    ],
)
def test_deadlines_are_told_as_people_reckon(due: datetime, late: bool, zh: str, en: str) -> None:
    assert zh in write("{% deadline due late %}", due=due, late=late)
    assert en in write("{% deadline due late %}", "en", due=due, late=late)


def test_no_deadline_is_a_dash() -> None:
    assert "–" in write("{% deadline None %}")


def test_a_number_opens_its_rows_and_says_which() -> None:
    assert write("{% count 5041 %}") == '<span class="count">5,041</span>'
    written = write('{% count 5041 "/ledger/?state=found" "已发现" %}')
    assert 'href="/ledger/?state=found"' in written
    assert 'aria-label="5,041 已发现"' in written


def test_a_state_has_word_and_shape_and_late_is_said_in_words() -> None:
    written = write('{% state "assigned" "已派遣" True %}')
    assert "shapes.svg#assigned" in written
    assert "已派遣" in written
    assert "shapes.svg#overdue" in written
    assert "超期" in written


class Place(forms.Form):
    street = forms.CharField(label="Street", help_text="as on the sign")
    note = forms.CharField(label="Note", required=False, widget=forms.Textarea)
    seen = forms.BooleanField(label="Seen", required=False)


def test_a_field_ties_label_hint_and_mend_to_its_control() -> None:
    written = write("{% field form.street %}{% field form.note %}{% field form.seen %}", form=Place({"street": ""}))
    assert '<label for="id_street">' in written
    assert 'aria-invalid="true"' in written
    assert 'aria-describedby="id_street_hint id_street_mend"' in written
    assert 'id="id_street_mend"' in written
    assert 'id="id_street_hint"' in written
    assert written.count("form-control") == 2
    assert "form-check-input" in written


def test_what_people_type_is_escaped_everywhere() -> None:
    evil = '"><script>alert(1)</script>'
    written = write(
        "{% field form.street %}{% compare evil evil evil evil %}{% empty evil evil evil %}{% state evil evil %}"
        "{% count 1 evil evil %}{% map_of points=points label=evil %}",
        form=Place({"street": evil}),
        evil=evil,
        points=[{"lon": 1.0, "lat": 2.0, "title": evil}],
    )
    assert "<script>alert" not in written
    assert 'src=""' not in written


@pytest.mark.parametrize(("number", "has"), [(1, "next"), (5, "prev")])
def test_pages_keep_the_rest_of_the_address(number: int, has: str) -> None:
    request = RequestFactory().get("/x/", {"state": "found", "page": str(number)})
    written = write("{% pages page %}", request=request, page=Paginator(range(100), 20).page(number))
    assert f'rel="{has}"' in written
    assert "state=found&amp;page=" in written
    assert written.count('aria-current="page"') == 1
    assert "共100条" in written


def test_a_map_carries_words_layers_and_points() -> None:
    written = write(
        "{% map_of points=points pick_lon='id_lon' pick_lat='id_lat' %}", points=[{"lon": 116.7, "lat": 39.9}]
    )
    assert 'data-layers="/places/layers.json"' in written
    assert "示意图" in written
    assert 'data-pick-lon="id_lon"' in written
    assert '<script id="map" type="application/json">[{"lon": 116.7, "lat": 39.9}]</script>' in written
