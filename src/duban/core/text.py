"""Text that every database and every program can hold."""


def is_plain(text: str) -> bool:
    """No NUL, which PostgreSQL refuses, and no lone surrogate, which is no character at all."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
