"""Words as pairs of characters, so that a full-text index finds Chinese on both databases."""

from functools import lru_cache

DIGITS = "0123456789abcdefghijklmnopqrstuv"


def grams(text: str) -> list[str]:
    """The different tokens of a text, letters in lower case, blanks skipped.

    >>> grams("垃圾") == grams(" 垃圾 ")
    True
    >>> [token.startswith(grams("圾")[0]) for token in grams("垃圾")]
    [False, True]
    """
    found: dict[str, None] = {}
    for word in text.lower().split():
        for at in range(len(word)):
            found[_token(word[at : at + 2])] = None
    return list(found)


def sought(text: str) -> list[str]:
    """The tokens that a row with these words must hold; of a single character only how one begins, with a `*`."""
    found: dict[str, None] = {}
    for word in text.lower().split():
        pairs = [word[at : at + 2] for at in range(len(word) - 1)]
        found |= dict.fromkeys([_token(pair) for pair in pairs] or [f"{_token(word)}*"])
    return list(found)


@lru_cache(maxsize=65_536)
def _token(characters: str) -> str:
    """Four letters for each character's code point: one token to every database's tokenizer, whatever the script."""
    points = [ord(character) & 0xFFFFF for character in characters]
    return "x" + "".join(DIGITS[point >> shift & 31] for point in points for shift in (15, 10, 5, 0))
