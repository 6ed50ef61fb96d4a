"""Text that every database and every program can hold, and that people find again."""

import unicodedata

from pypinyin import Style, lazy_pinyin


def is_plain(text: str) -> bool:
    """No NUL, which PostgreSQL refuses, and no lone surrogate, which is no character at all."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def spelled(name: str) -> tuple[str, str]:
    """The pinyin of a name and its initials, in lower case: 漷县镇 -> (huoxianzhen, hxz)."""
    syllables = lazy_pinyin(name, style=Style.NORMAL)
    return "".join(syllables).lower(), "".join(syllable[:1] for syllable in syllables).lower()


def folded(text: str) -> str:
    """The text as it is compared: one width, one case, no blanks."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
