"""What can go wrong while setting a bulletin; each error carries a stable ``code``."""


class TypesetError(ValueError):
    """A bulletin that cannot be set; nothing was written. ``code`` is stable, the message is English."""

    code = "typeset_failed"


class DocumentInvalid(TypesetError):
    """The document is not a ``duban.bulletin/1``; ``path`` names the part at fault, e.g. ``/sections/0/key``."""

    code = "bulletin_document_invalid"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"Bulletin document, {path or '/'}: {reason}")
        self.path = path
        self.reason = reason


class LanguageUnknown(TypesetError):
    """A language other than Chinese and English was asked for."""

    code = "bulletin_language_unknown"

    def __init__(self, language: object) -> None:
        super().__init__(f"Bulletins are set in zh or en, not in {language!r}")
        self.language = language


class PhotoUnusable(TypesetError):
    """A photo's file is missing, altered or no picture. ``sha256`` is that of the original, as in the document."""

    code = "bulletin_photo_unusable"

    def __init__(self, sha256: str, public_sha256: str, reason: str) -> None:
        super().__init__(f"Photo {sha256} (public copy {public_sha256}): {reason}")
        self.sha256 = sha256
        self.public_sha256 = public_sha256
        self.reason = reason
