"""Engine ``typeset``: one frozen bulletin document, printed as HTML, PDF and DOCX with the same content; and the
evaluation of units as PDF."""

from .ballots import render_ballots
from .brief import render_brief_docx, render_brief_pdf
from .certificate import render_certificate
from .doors import Door, render_doors
from .errors import DocumentInvalid, LanguageUnknown, PhotoUnusable, TypesetError
from .evaluation import render_evaluation
from .form import render_form
from .issue import SCHEMA, SCHEMA_WITH_BLOCKS, issue_hash
from .labels import render_labels
from .newspaper import newspaper_stylesheet, render_newspaper_html, render_newspaper_pdf
from .page import render_html, stylesheet
from .pdf import render_pdf
from .poster import render_poster
from .slip import render_slip
from .stickers import Sticker, render_stickers
from .word import render_docx

ENGINE_VERSION = "typeset/1"

__all__ = [
    "ENGINE_VERSION",
    "SCHEMA",
    "SCHEMA_WITH_BLOCKS",
    "DocumentInvalid",
    "Door",
    "LanguageUnknown",
    "PhotoUnusable",
    "Sticker",
    "TypesetError",
    "issue_hash",
    "newspaper_stylesheet",
    "render_ballots",
    "render_brief_docx",
    "render_brief_pdf",
    "render_certificate",
    "render_docx",
    "render_doors",
    "render_evaluation",
    "render_form",
    "render_html",
    "render_labels",
    "render_newspaper_html",
    "render_newspaper_pdf",
    "render_pdf",
    "render_poster",
    "render_slip",
    "render_stickers",
    "stylesheet",
]
