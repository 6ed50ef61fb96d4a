"""A report's text -> what it says: places, findings, decisions, risk areas, figures, each with the words it came from.

codes = Gazetteer.build([("110112106", "漷县镇"), ...])
read_notice(text, codes).to_dict()
"""

from .drafts import DECISION, FIGURE, FINDING, KINDS, RISK_AREA, SITE, UNSURE, Article, Check, Draft, Line, Notice, Unit
from .gazetteer import Gazetteer
from .read import read_notice

ENGINE_VERSION = "notice/1"

__all__ = [
    "DECISION",
    "ENGINE_VERSION",
    "FIGURE",
    "FINDING",
    "KINDS",
    "RISK_AREA",
    "SITE",
    "UNSURE",
    "Article",
    "Check",
    "Draft",
    "Gazetteer",
    "Line",
    "Notice",
    "Unit",
    "read_notice",
]
