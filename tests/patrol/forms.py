"""XLSForm workbooks as offices and relief agencies publish them, written cell by cell."""

import io
from collections.abc import Sequence
from typing import Any

import openpyxl

from duban.core.tables import read_sheets

Lines = Sequence[Sequence[Any]]


def workbook(**sheets: Lines) -> bytes:
    """The sheets in their order, each from its heading on."""
    book = openpyxl.Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    for title, lines in sheets.items():
        sheet = book.create_sheet(title)
        for row, line in enumerate(lines, start=1):
            for column, value in enumerate(line, start=1):
                if value not in (None, ""):
                    cell = sheet.cell(row, column, value)
                    if isinstance(value, str):
                        cell.data_type = "s"
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def cells_of(data: bytes) -> dict[str, list[dict[str, str]]]:
    """The sheets as rows of what is filled, by heading."""
    return {
        title: [
            {str(head): text_of(cell) for head, cell in zip(lines[0], line, strict=False) if cell not in ("", None)}
            for line in lines[1:]
        ]
        for title, lines in read_sheets(data, max_cells=100_000).items()
        if lines
    }


def text_of(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


ASSESSMENT_SURVEY: Lines = [
    ["type", "name", "label::English (en)", "label::Français (fr)", "hint::English (en)", "required", "relevant",
     "constraint", "constraint_message::English (en)", "choice_filter", "appearance", "calculation", "repeat_count"],
    ["start", "start"],
    ["today", "today"],
    ["deviceid", "deviceid"],
    ["note", "intro", "Rapid needs assessment. Read the consent text aloud.", "Évaluation rapide."],
    ["select_one yes_no", "consent", "May I ask you some questions?", "Puis-je vous poser des questions ?", "", "yes"],
    ["begin_group", "where", "Where are you?", "Où êtes-vous ?", "", "", "${consent} = 'yes'", "", "", "",
     "field-list"],
    ["select_one admin1", "admin1", "Province", "Province", "", "yes"],
    ["select_one admin2", "admin2", "District", "District", "", "yes", "", "", "", "admin1 = ${admin1}"],
    ["geopoint", "position", "Position of the site", "Position du site", "Stand at the gate"],
    ["image", "gate", "Photo of the gate", "Photo du portail", "", "", "", "", "", "", "new"],
    ["end_group"],
    ["begin_group", "people", "People", "Personnes", "", "", "${consent} = 'yes'"],
    ["integer", "households", "How many households?", "Combien de ménages ?", "", "yes", "", ". >= 0 and . < 10000",
     "Between 0 and 9999"],
    ["calculate", "persons", "", "", "", "", "", "", "", "", "", "${households} * 5"],
    ["select_multiple needs", "needs", "Most urgent needs", "Besoins les plus urgents", "", "", "${households} > 0",
     "count-selected(.) <= 3", "At most three"],
    ["text", "needs_other", "Which other?", "Lequel ?", "", "", "selected(${needs}, 'other')"],
    ["decimal", "litres", "Litres of water per person", "Litres d'eau", "", "", "", ". >= 0"],
    ["date", "arrived", "When did they arrive?", "Date d'arrivée", "", "", "", ". <= today()", "Not in the future"],
    ["begin_repeat", "member", "Household member", "Membre", "", "", "", "", "", "", "", "", "${households}"],
    ["text", "member_age", "Age", "Âge"],
    ["end_repeat"],
    ["end_group"],
    ["select_one yes_no or_other", "follow_up", "Follow up?", "Suivi ?", "", "", "${persons} > 100"],
    ["barcode", "card", "Registration card", "Carte"],
    ["audio", "voice", "Remarks", "Remarques"],
]  # fmt: skip
ASSESSMENT_CHOICES: Lines = [
    ["list_name", "name", "label::English (en)", "label::Français (fr)", "admin1", "media::image"],
    ["yes_no", "yes", "Yes", "Oui"],
    ["yes_no", "no", "No", "Non"],
    ["admin1", "north", "North", "Nord"],
    ["admin1", "south", "South", "Sud"],
    ["admin2", "n1", "Upper Valley", "Haute vallée", "north"],
    ["admin2", "n2", "Lower Valley", "Basse vallée", "north"],
    ["admin2", "s1", "Coast", "Côte", "south"],
    ["needs", "water", "Water", "Eau", "", "water.png"],
    ["needs", "food", "Food", "Nourriture", "", "food.png"],
    ["needs", "other", "Other", "Autre"],
]
ASSESSMENT_SETTINGS: Lines = [
    ["form_title", "form_id", "version", "default_language", "style"],
    ["Rapid needs assessment", "rna_2021", 2021011801, "English (en)", "pages"],
]


def assessment() -> bytes:
    """A needs assessment: two languages, a cascade, photo, position, groups, a repeat, a calculation, constraints."""
    return workbook(
        survey=ASSESSMENT_SURVEY,
        choices=ASSESSMENT_CHOICES,
        settings=ASSESSMENT_SETTINGS,
        readme=[["About", "By"], ["=1+1 is no formula here", "the cluster"]],
    )


def small(*rows: Sequence[Any], choices: Lines = (), settings: Lines = (), headers: Sequence[str] = ()) -> bytes:
    """A survey of these rows under type, name, label and whatever else is named."""
    sheets: dict[str, Lines] = {"survey": [["type", "name", "label", *headers], *rows]}
    if choices:
        sheets["choices"] = choices
    if settings:
        sheets["settings"] = settings
    return workbook(**sheets)
