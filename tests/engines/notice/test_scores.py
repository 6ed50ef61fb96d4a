"""Reports of other districts in other wordings: what is found of what a reader finds, and how much of it is so.

The rules were tuned on the texts called t and s; `cases/expected.toml` tells how each batch was read at first, before
the rules knew it. For those called y and z nothing is ever mended, neither rules nor weights.
"""

import pytest
from tests.engines.notice.scoring import (
    BATCH_B,
    BATCH_F,
    BATCH_G,
    BATCH_I,
    BATCH_V,
    BATCHES_AWX,
    BATCHES_CDE,
    BATCHES_K_TO_O,
    BATCHES_PQR,
    EXPECTED,
    HELD_OUT,
    TUNED,
    UNTUNED,
    Score,
    read,
    score_of,
)

from duban.engines.notice import DECISION, FIGURE, RISK_AREA, SITE, UNSURE


def show(score: Score, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\nnotice, {what}: {score}")


def test_there_are_texts_enough() -> None:
    assert len(TUNED) >= 15


@pytest.mark.parametrize(
    ("which", "what"),
    [
        (TUNED, "texts tuned on"),
        (HELD_OUT, "batch h"),
        (BATCH_B, "batch b"),
        (BATCHES_PQR, "batches p, q and r"),
        (BATCHES_CDE, "batches c, d and e"),
        (BATCH_F, "batch f"),
        (BATCH_I, "batch i"),
        (BATCH_G, "batch g"),
        (BATCHES_K_TO_O, "batches k to o"),
        (BATCH_V, "batch v"),
        (BATCHES_AWX, "batches a, w and x"),
    ],
)
def test_findings_of_other_districts(which: list[str], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    score = score_of(which)
    show(score, what, capsys)
    assert score.precision >= 0.9
    assert score.recall >= 0.7
    assert not score.wrong_places


def test_texts_that_nothing_was_mended_for(capsys: pytest.CaptureFixture[str]) -> None:
    score = score_of(UNTUNED)
    show(score, "texts that nothing was mended for", capsys)
    assert len(UNTUNED) == 98
    assert score.precision >= 0.9
    assert score.recall >= 0.7
    assert not score.wrong_places


def test_findings_with_all_lists_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    score = score_of(
        [
            *TUNED,
            *HELD_OUT,
            *BATCH_B,
            *BATCHES_PQR,
            *BATCHES_CDE,
            *BATCH_F,
            *BATCH_G,
            *BATCHES_K_TO_O,
            *BATCH_V,
            *BATCHES_AWX,
        ],
        whole_country=True,
    )
    show(score, "all texts, all lists", capsys)
    assert score.precision >= 0.9
    assert score.recall >= 0.7
    assert not score.wrong_places


@pytest.mark.parametrize("name", [name for name, wanted in EXPECTED.items() if "sites" in wanted])
def test_location_statements_of_other_districts(name: str) -> None:
    sites = [draft for draft in read(name).drafts if draft.kind == SITE]
    said = [
        (
            site.jurisdiction.code if site.jurisdiction else "",
            site.road.distance_m if site.road and site.road.distance_m else 0,
            site.water.distance_m if site.water else 0,
        )
        for site in sites
    ]
    assert said == [(code, road, water) for _place, code, road, water in EXPECTED[name]["sites"]]


@pytest.mark.parametrize("name", [name for name, wanted in EXPECTED.items() if "areas" in wanted])
def test_risk_areas_of_other_districts(name: str) -> None:
    areas = [draft for draft in read(name).drafts if draft.kind == RISK_AREA]
    said = [(area.jurisdiction.code if area.jurisdiction else "", area.measure) for area in areas]
    for _place, code, level in EXPECTED[name]["areas"]:
        assert any(code == where and level in measure for where, measure in said), (code, level, said)
    assert len(areas) == len(EXPECTED[name]["areas"])


@pytest.mark.parametrize("name", [name for name, wanted in EXPECTED.items() if "figures" in wanted])
def test_figures_of_other_districts(name: str) -> None:
    said = {draft.value for draft in read(name).drafts if draft.kind == FIGURE}
    assert said >= set(EXPECTED[name]["figures"])


@pytest.mark.parametrize("name", [name for name, wanted in EXPECTED.items() if "decisions" in wanted])
def test_decisions_of_other_bodies(name: str) -> None:
    assert sum(draft.kind == DECISION for draft in read(name).drafts) == EXPECTED[name]["decisions"]


@pytest.mark.parametrize(
    "name", [name for name, wanted in EXPECTED.items() if not wanted["findings"] and name not in UNTUNED]
)
def test_a_text_without_findings_has_none(name: str) -> None:
    assert all(draft.kind != "finding" for draft in read(name).drafts)


def test_a_text_of_another_district_gives_no_code_of_ours() -> None:
    from tests.engines.notice.scoring import codes, text_of

    from duban.engines.notice import read_notice

    for name in ("s01_shunyi_list", "t03_gaocheng_passive", "s08_gaocheng_inwords", "t08_numbers_words"):
        for draft in read_notice(text_of(name), codes("510117")).drafts:
            assert draft.jurisdiction is None or draft.confidence < UNSURE, (name, draft)
