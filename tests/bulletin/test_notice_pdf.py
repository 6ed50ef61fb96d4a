"""A PDF's ruled tables come out row by row, whatever its letters were drawn in; frames and drawings are no tables."""

from collections.abc import Sequence

import pytest

from duban.bulletin.notice_files import text_of
from duban.bulletin.notice_pdf import MAX_CELL, MAX_RULES

XS, YS = (50, 90, 200, 400), (700, 660, 600, 560)
HEAD = [(55, 680, "No"), (95, 680, "Venue"), (205, 680, "Problem")]
FIRST = [(55, 640, "1"), (95, 640, "Good Luck"), (95, 625, "Noodles"), (205, 640, "no masks;"), (205, 625, "no log")]
SECOND = [(55, 580, "2"), (95, 580, "Barber"), (205, 580, "no scan")]


def pdf_of(
    words: Sequence[tuple[int, int, str]], rules: Sequence[tuple[float, float, float, float]], shift: int = 0
) -> bytes:
    """A page with words at places and lines from place to place, all of it moved by `shift` points."""
    drawn = [f"1 0 0 1 {shift} 0 cm"]
    drawn += [f"{x1} {y1} m {x2} {y2} l S" for x1, y1, x2, y2 in rules]
    drawn += [f"BT /F 11 Tf {x} {y} Td ({text}) Tj ET" for x, y, text in words]
    stream = "\n".join(drawn).encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 700 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj%s endobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return body + b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>startxref\n%d\n%%%%EOF" % (
        table,
        len(body),
    )


def lines_of(xs: tuple[float, ...], ys: tuple[float, ...]) -> list[tuple[float, float, float, float]]:
    return [(x, ys[0], x, ys[-1]) for x in xs] + [(xs[0], y, xs[-1], y) for y in ys]


GRID = lines_of(XS, YS)
TITLE, AFTER = [(50, 740, "Checks of May")], [(50, 500, "The end.")]


def read(
    words: Sequence[tuple[int, int, str]], rules: Sequence[tuple[float, float, float, float]], shift: int = 0
) -> list[str]:
    return [line for line in text_of(pdf_of(words, rules, shift), "a.pdf").split("\n") if line.strip()]


@pytest.mark.parametrize("shift", [0, 60])
def test_the_lines_of_a_cell_stay_in_its_row(shift: int) -> None:
    assert read([*TITLE, *HEAD, *FIRST, *SECOND, *AFTER], GRID, shift) == [
        "Checks of May",
        "No\tVenue\tProblem",
        "1\tGood Luck Noodles\tno masks; no log",
        "2\tBarber\tno scan",
        "The end.",
    ]


def test_letters_drawn_column_by_column_come_out_row_by_row() -> None:
    by_column = sorted([*HEAD, *FIRST, *SECOND], key=lambda word: (word[0], -word[1]))
    assert read(by_column, GRID)[1] == "1\tGood Luck Noodles\tno masks; no log"


def test_a_cell_over_two_columns_keeps_the_next_in_line_and_one_over_two_rows_counts_in_both() -> None:
    wide = [rule for rule in GRID if rule[0] != 200 or rule[2] != 200] + [(200, 700, 200, 600)]
    assert read([*HEAD, *FIRST, (55, 580, "2"), (95, 580, "Barber shop in the village"), (205, 580, "")], wide)[-1] == (
        "2\tBarber shop in the village"
    )
    tall = [rule for rule in GRID if rule[1] != 600 or rule[3] != 600] + [(90, 600, 400, 600)]
    rows = read([*HEAD, (55, 610, "Town"), *FIRST[1:], *SECOND[1:]], tall)
    assert [row.split("\t")[0] for row in rows] == ["No", "Town", "Town"]


def test_a_frame_of_articles_one_row_and_a_drawing_are_no_tables() -> None:
    plain = read([*HEAD, *FIRST, *SECOND], [])
    assert not any("\t" in line for line in plain)
    assert read([*HEAD, *FIRST, *SECOND], lines_of((50, 400), (700, 560))) == plain
    assert read(HEAD, lines_of(XS, (700, 660))) == read(HEAD, [])
    many = [(float(x), 10.0, float(x), 20.0) for x in range(MAX_RULES + 1)]
    assert read([*HEAD, *FIRST, *SECOND], GRID + many) == plain
    article = [(205, y, "news of the day " * 2) for y in range(640, 300, -12)]
    assert sum(len(text) for _x, _y, text in article) > MAX_CELL
    assert not any("\t" in line for line in read([*HEAD, *FIRST[:2], *article], lines_of(XS, (700, 660, 280))))


def test_two_tables_stand_where_they_are_drawn() -> None:
    lower = [(x, y - 300, text) for x, y, text in [*HEAD, *SECOND]]
    below = [(x1, y1 - 300, x2, y2 - 300) for x1, y1, x2, y2 in GRID]
    rows = read([*HEAD, *SECOND, *AFTER, *lower], GRID + below)
    assert rows == ["No\tVenue\tProblem", "2\tBarber\tno scan", "The end.", "No\tVenue\tProblem", "2\tBarber\tno scan"]
