"""Numbers as reports write them: 5041, 5,041, 1.2万, 九十八, 十一, 两, 11000多."""

import re

_DIGITS = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万": 10_000, "亿": 100_000_000}

NUMBER = (
    r"(?:(?<![\d.])\d{1,12}(?:\.\d{1,4})?[万亿千百]?(?!\d)"
    r"|(?<![零〇一二两三四五六七八九十百千万])[零〇一二两三四五六七八九十百千万]{1,12}(?![零〇一二两三四五六七八九十百千万]))"
)
"""One number, as a part of other patterns; commas between thousands are gone by then."""

_PLAIN = re.compile(r"(\d+(?:\.\d+)?)([万亿千百]?)")
LONGEST = 18


def number_of(text: str) -> float | int | None:
    """The value of what NUMBER matches; None for what is no number (百 alone, 万一)."""
    if plain := _PLAIN.fullmatch(text):
        if len(plain[1]) > LONGEST:
            return None
        factor = (_UNITS | _MYRIADS).get(plain[2], 1)
        value = round(float(plain[1]) * factor, 6) if "." in plain[1] else int(plain[1]) * factor
        return int(value) if float(value).is_integer() else value
    return _chinese(text) if 0 < len(text) <= LONGEST else None


def _chinese(text: str) -> int | None:
    if not set(text) <= _DIGITS.keys() | _UNITS.keys() | _MYRIADS.keys():
        return None
    if len(text) > 1 and set(text) <= _DIGITS.keys():
        # Read digit by digit, as years and numbers of issues are: 二〇二一.
        return int("".join(str(_DIGITS[one]) for one in text))
    total = section = digit = 0
    seen = False
    for place, one in enumerate(text):
        if one in _DIGITS:
            digit, seen = _DIGITS[one], True
        elif one in _UNITS:
            if not digit and not (one == "十" and (place == 0 or text[place - 1] in "零〇百千万")):
                return None
            section += (digit or 1) * _UNITS[one]
            digit, seen = 0, True
        else:
            if not section and not digit:
                return None
            total += (section + digit) * _MYRIADS[one]
            section = digit = 0
    return total + section + digit if seen else None
