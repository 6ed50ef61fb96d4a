"""API v1: the figures of a month, each share as its two counts."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from ninja import Query, Router, Schema
from pydantic import Field

from duban.core import clock
from duban.ledger import evaluation, figures
from duban.ledger.figures import INDICATORS, Shares
from duban.ledger.views import StaffRequest

router = Router(tags=["figures"])


class FiguresQuestion(Schema):
    month: str = Field("", description="2021-01; empty: the month that runs")
    by: Literal["unit", "category", "month"] = "unit"


class ShareOut(Schema):
    n: int
    of: int
    rate: float | None = Field(description="n / of; null where there are no cases")


class IndicatorOut(Schema):
    key: str
    label: str
    definition: str
    weight: Decimal


class FiguresLineOut(Schema):
    key: str
    name: str
    score: Decimal | None
    rank: int | None
    shares: dict[str, ShareOut]


class FiguresOut(Schema):
    since: str
    until: str
    counted_at: datetime
    indicators: list[IndicatorOut]
    total: dict[str, ShareOut]
    lines: list[FiguresLineOut]


@router.get("", response=FiguresOut, summary="The figures of a month by unit, category or month")
def get_figures(request: StaffRequest, question: Query[FiguresQuestion]) -> dict[str, Any]:
    """Of what you may see; by month: the last twelve."""
    now = clock.now()
    month = figures.read_month(question.month, now=now)
    found = evaluation.evaluate(request.user, month, now=now, trend=question.by == "month")
    return {
        "since": found.period.since.isoformat(),
        "until": found.period.until.isoformat(),
        "counted_at": now,
        "indicators": [
            {
                "key": key,
                "label": str(one.label),
                "definition": str(one.definition),
                "weight": found.weights.get(key, Decimal()),
            }
            for key, one in INDICATORS.items()
        ],
        "total": _shares(found.total),
        "lines": _lines(found, question.by),
    }


def _lines(found: evaluation.Evaluation, by: str) -> list[dict[str, Any]]:
    if by == "unit":
        return [
            _line(one.unit, found.name(one.unit), one.shares, score=one.score, rank=one.rank) for one in found.units
        ]
    if by == "category":
        return [_line(f"{one.kind}:{one.code}", str(one), shares) for one, shares in found.categories]
    return [_line(f"{month:%Y-%m}", f"{month:%Y-%m}", shares) for month, shares in found.months.items()]


def _line(key: str, name: str, shares: Shares, **more: Any) -> dict[str, Any]:
    return {"key": key, "name": name, "score": None, "rank": None, "shares": _shares(shares)} | more


def _shares(shares: Shares) -> dict[str, dict[str, Any]]:
    return {
        key: {"n": share.n, "of": share.of, "rate": None if share.rate is None else float(share.rate)}
        for key, share in shares.items()
    }
