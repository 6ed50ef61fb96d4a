"""What screening refuses as a whole. Single presences are never an error: they are rejected by row (see presences)."""


class ScreenError(ValueError):
    """Areas, presences, cases or a store that cannot be used; `code` says why, `row` which one (counted from 0)."""

    def __init__(self, code: str, message: str, row: int | None = None):
        super().__init__(message)
        self.code = code
        self.row = row

    def __reduce__(self) -> tuple[type["ScreenError"], tuple[str, str, int | None]]:
        return ScreenError, (self.code, str(self), self.row)
