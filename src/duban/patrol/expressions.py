"""The part of XLSForm's expressions that decides what is asked: read once, then evaluated over answers.

Known: `${name}`, `.` (the answer itself), bare names (columns of a choice), texts, numbers, `or and = != < <= > >= + -
* div mod`, parentheses, and the functions of FUNCTIONS. Nothing here can loop, call out or read anything but what it is
given. Values follow XPath 1.0: an answer is a text, nothing answered is the empty text, several answers are parted by
blanks; a date compares as its day.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError

Value = str | float | bool
MAX_LENGTH = 2000
MAX_DEPTH = 40
TOKEN = re.compile(
    r"""\s*(?:
        (?P<ref>\$\{\s*[^\s{}$'"]+\s*\})
      | (?P<number>\d+(?:\.\d*)?|\.\d+)
      | (?P<text>"[^"]*"|'[^']*')
      | (?P<op><=|>=|!=|[=<>+*(),])
      | (?P<minus>-)
      | (?P<dot>\.(?![\w./]))
      | (?P<name>[^\W\d][\w-]*(?::[\w-]+)?)
    )""",
    re.VERBOSE,
)
NUMBER = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class BadExpression(DubanError):
    """Codes: `expression_unsupported`, with what of it is not known."""


@dataclass(frozen=True)
class Scope:
    """What an expression may see: answers as texts by item, the answer itself, the columns of a choice."""

    answers: Callable[[str], str]
    itself: str = ""
    columns: Mapping[str, str] | None = None


Step = Callable[[Scope], Value]


@dataclass(frozen=True)
class Expression:
    names: frozenset[str]
    """The items that it refers to."""
    columns: frozenset[str]
    """The columns of a choice that it compares."""
    step: Step

    def holds(self, scope: Scope) -> bool:
        return as_truth(self.step(scope))


@lru_cache(maxsize=4000)
def read_expression(text: str) -> Expression:
    """The expression ready to be evaluated; raises BadExpression (`expression_unsupported`)."""
    if len(text) > MAX_LENGTH:
        raise _unsupported(_("it is longer than %(length)d characters") % {"length": MAX_LENGTH})
    reader = _Reader(_tokens(text))
    step = reader.read_or(0)
    if reader.at < len(reader.tokens):
        raise _unsupported(reader.tokens[reader.at][1])
    return Expression(frozenset(reader.names), frozenset(reader.columns), step)


def _unsupported(what: object) -> BadExpression:
    return BadExpression(
        "expression_unsupported",
        _("“%(what)s” is not understood here.") % {"what": str(what)[:60]},
        field="relevant",
    )


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at, end = [], 0, len(text.rstrip())
    while at < end:
        found = TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise _unsupported(text[at : at + 20].strip())
        tokens.append((found.lastgroup, found[found.lastgroup]))
        at = found.end()
    return tokens


# ---- values ---------------------------------------------------------------------------------------------------------


def as_number(value: Value) -> float:
    """The number, that of a date's day since 1970, or NaN."""
    if not isinstance(value, str):
        return float(value)
    text = value.strip(" \t\r\n")
    if NUMBER.fullmatch(text):
        return float(text)
    if DAY.fullmatch(text):
        try:
            return float((date.fromisoformat(text) - date(1970, 1, 1)).days)
        except ValueError:
            return math.nan
    return math.nan


def as_text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return str(int(value)) if value.is_integer() else repr(value)


def as_truth(value: Value) -> bool:
    if isinstance(value, str):
        return value != ""
    return bool(value) and not (isinstance(value, float) and math.isnan(value))


def _equal(left: Value, right: Value) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return as_truth(left) == as_truth(right)
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    return as_number(left) == as_number(right)


def _divide(left: float, right: float) -> float:
    if right:
        return left / right
    return math.nan if not left or math.isnan(left) else math.copysign(math.inf, left)


def _rest(left: float, right: float) -> float:
    return math.fmod(left, right) if right and math.isfinite(left) and not math.isnan(right) else math.nan


COMPARE: dict[str, Callable[[Value, Value], bool]] = {
    "=": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": lambda left, right: as_number(left) < as_number(right),
    "<=": lambda left, right: as_number(left) <= as_number(right),
    ">": lambda left, right: as_number(left) > as_number(right),
    ">=": lambda left, right: as_number(left) >= as_number(right),
}
RECKON: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "div": _divide,
    "mod": _rest,
}


def _whole(value: Value) -> float:
    number = as_number(value)
    return float(math.trunc(number)) if math.isfinite(number) else math.nan


# Name -> fewest and most arguments, and what comes of their values.
FUNCTIONS: dict[str, tuple[int, int, Callable[..., Value]]] = {
    "selected": (2, 2, lambda many, one: as_text(one).strip() in as_text(many).split()),
    "count-selected": (1, 1, lambda many: float(len(as_text(many).split()))),
    "not": (1, 1, lambda value: not as_truth(value)),
    "true": (0, 0, lambda: True),
    "false": (0, 0, lambda: False),
    "boolean": (1, 1, as_truth),
    "number": (1, 1, as_number),
    "int": (1, 1, _whole),
    "string": (1, 1, as_text),
    "date": (1, 1, lambda value: value),
    "string-length": (1, 1, lambda value: float(len(as_text(value)))),
    "contains": (2, 2, lambda text, part: as_text(part) in as_text(text)),
    "starts-with": (2, 2, lambda text, part: as_text(text).startswith(as_text(part))),
    "ends-with": (2, 2, lambda text, part: as_text(text).endswith(as_text(part))),
    "concat": (1, 20, lambda *parts: "".join(as_text(part) for part in parts)),
    "coalesce": (2, 2, lambda first, second: first if as_text(first) else second),
    "if": (3, 3, lambda condition, then, other: then if as_truth(condition) else other),
}


# ---- reading --------------------------------------------------------------------------------------------------------


class _Reader:
    """Recursive descent; `depth` bounds how far expressions may be nested."""

    def __init__(self, tokens: list[tuple[str, str]]):
        self.tokens, self.at = tokens, 0
        self.names: set[str] = set()
        self.columns: set[str] = set()

    def take(self, *wanted: str) -> str | None:
        """The next sign, if it is one of those wanted."""
        if self.at < len(self.tokens) and self.tokens[self.at][0] != "text" and self.tokens[self.at][1] in wanted:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return None

    def need(self, sign: str) -> None:
        if self.take(sign) is None:
            found = self.tokens[self.at][1] if self.at < len(self.tokens) else _("the end")
            raise _unsupported(found)

    def read_or(self, depth: int) -> Step:
        if depth > MAX_DEPTH:
            raise _unsupported(_("so many parentheses"))
        steps = [self.read_and(depth)]
        while self.take("or"):
            steps.append(self.read_and(depth))
        return steps[0] if len(steps) == 1 else lambda scope: any(as_truth(step(scope)) for step in steps)

    def read_and(self, depth: int) -> Step:
        steps = [self.read_chain(depth, 0)]
        while self.take("and"):
            steps.append(self.read_chain(depth, 0))
        return steps[0] if len(steps) == 1 else lambda scope: all(as_truth(step(scope)) for step in steps)

    def read_chain(self, depth: int, level: int) -> Step:
        """Signs of one rank, from the left: equality, order, sums, products."""
        if level == len(RANKS):
            return self.read_unary(depth)
        first = self.read_chain(depth, level + 1)
        rest: list[tuple[Callable[[Value, Value], Value], Step]] = []
        while sign := self.take(*RANKS[level]):
            rest.append((_work_of(sign), self.read_chain(depth, level + 1)))
        if not rest:
            return first

        def step(scope: Scope) -> Value:
            value = first(scope)
            for work, other in rest:
                value = work(value, other(scope))
            return value

        return step

    def read_unary(self, depth: int) -> Step:
        negative = signs = 0
        while self.take("-"):
            signs += 1
            negative ^= 1
        step = self.read_single(depth)
        if not signs:
            return step
        return lambda scope: -as_number(step(scope)) if negative else as_number(step(scope))

    def read_single(self, depth: int) -> Step:
        if self.at >= len(self.tokens):
            raise _unsupported(_("the end"))
        kind, word = self.tokens[self.at]
        self.at += 1
        if kind == "text":
            return lambda _scope, text=word[1:-1]: text  # type: ignore[misc]
        if kind == "number":
            return lambda _scope, number=float(word): number  # type: ignore[misc]
        if kind == "dot":
            return lambda scope: scope.itself
        if kind == "ref":
            name = word[2:-1].strip()
            self.names.add(name)
            return lambda scope: scope.answers(name)
        if word == "(":
            inner = self.read_or(depth + 1)
            self.need(")")
            return inner
        if kind == "name":
            return self.read_call(word, depth) if self.take("(") else self.read_column(word)
        raise _unsupported(word)

    def read_column(self, word: str) -> Step:
        if word in WORD_SIGNS:
            raise _unsupported(word)
        self.columns.add(word)
        return lambda scope: (scope.columns or {}).get(word, "")

    def read_call(self, word: str, depth: int) -> Step:
        if word not in FUNCTIONS:
            raise _unsupported(f"{word}()")
        fewest, most, work = FUNCTIONS[word]
        given: list[Step] = []
        if not self.take(")"):
            given.append(self.read_or(depth + 1))
            while self.take(","):
                given.append(self.read_or(depth + 1))
            self.need(")")
        if not fewest <= len(given) <= most:
            raise _unsupported(f"{word}()")
        return lambda scope: work(*(step(scope) for step in given))


RANKS = (("=", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "div", "mod"))
WORD_SIGNS = frozenset({"or", "and", "div", "mod"})


def _work_of(sign: str) -> Callable[[Value, Value], Value]:
    if sign in COMPARE:
        return COMPARE[sign]
    return lambda left, right: RECKON[sign](as_number(left), as_number(right))
