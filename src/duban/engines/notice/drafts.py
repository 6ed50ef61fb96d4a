"""What reading a report gives: articles with drafts and with the counts that they claim."""

from dataclasses import dataclass, field
from typing import Any

SITE, FINDING, DECISION, RISK_AREA, FIGURE = "site", "finding", "decision", "risk_area", "figure"
KINDS = (SITE, FINDING, DECISION, RISK_AREA, FIGURE)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of the code list that was read out of a text."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Line:
    """A road or water with the metres to it; None where the text gives none."""

    name: str
    distance_m: float | None

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "distance_m": self.distance_m}


@dataclass(frozen=True, slots=True)
class Draft:
    """One thing that a report says; `span` counts characters of the text that was read, its end excluded.

    `place` is written as the report does, `jurisdiction` is the finest unit that is sure enough to name, and
    `confidence` (0 to 1) covers the whole: under UNSURE a person should look twice.
    """

    kind: str
    text: str
    span: tuple[int, int]
    confidence: float
    place: str = ""
    jurisdiction: Unit | None = None
    venue: str = ""
    problems: tuple[str, ...] = ()
    road: Line | None = None
    water: Line | None = None
    measure: str = ""
    value: float | int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The contract's shape; what is not known is null."""
        unit = self.jurisdiction
        return {
            "kind": self.kind,
            "text": self.text,
            "place": self.place or None,
            "jurisdiction": {"code": unit.code, "name": unit.name} if unit else None,
            "venue": self.venue or None,
            "problems": list(self.problems),
            "road": self.road.to_dict() if self.road else None,
            "water": self.water.to_dict() if self.water else None,
            "measure": self.measure or None,
            "value": self.value,
            "span": list(self.span),
            "confidence": round(self.confidence, 2),
        }


UNSURE = 0.6


@dataclass(frozen=True, slots=True)
class Check:
    """A count that an article claims, against the drafts that were found where it claims them."""

    said: int
    found: int
    span: tuple[int, int]
    text: str

    @property
    def ok(self) -> bool:
        return self.said == self.found

    def to_dict(self) -> dict[str, Any]:
        return {"said": self.said, "found": self.found, "ok": self.ok}


@dataclass(frozen=True, slots=True)
class Article:
    title: str
    kind: str
    span: tuple[int, int]
    drafts: tuple[Draft, ...] = ()
    checks: tuple[Check, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "kind": self.kind,
            "drafts": [draft.to_dict() for draft in self.drafts],
            "checks": [check.to_dict() for check in self.checks],
        }


@dataclass(frozen=True, slots=True)
class Notice:
    """A report as read. `text` is what every span counts in."""

    text: str
    articles: tuple[Article, ...] = field(default=())

    @property
    def drafts(self) -> tuple[Draft, ...]:
        return tuple(draft for article in self.articles for draft in article.drafts)

    def to_dict(self) -> dict[str, Any]:
        return {"articles": [article.to_dict() for article in self.articles]}
