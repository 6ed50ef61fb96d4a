"""Administrative codes as digits: "starts with" is scope."""


def trim_code(code: str | None) -> str:
    """The digits that say something: trailing groups of 000 below the county dropped, "" for what is not a code."""
    code = (code or "").strip()
    if not (code.isascii() and code.isdigit()):
        return ""
    while len(code) > 6 and len(code) % 3 == 0 and code.endswith("000"):
        code = code[:-3]
    return code
