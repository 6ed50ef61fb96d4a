"""What stands in an answer, whatever it is: the text of pages, JSON, workbooks, documents and PDF."""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import pypdfium2
from django.urls import URLResolver, get_resolver

# What is made afresh each time a page is opened.
FRESH = re.compile(
    r'name="csrfmiddlewaretoken" value="\w+"|"X-CSRFToken": "\w+"|name="id" value="[0-9a-f-]{36}"'
    r'|name="key" value="[\w-]{22}"|#\d{10}"'
)


def addresses(resolver: URLResolver | None = None, before: str = "/") -> Iterator[str]:
    """Every address that the site knows, its converters left out: /ledger/<entry_id>/."""
    for pattern in (resolver or get_resolver()).url_patterns:
        here = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, here)
        else:
            yield re.sub(r"<\w+:(\w+)>", r"<\1>", here)


def text_of(answer: Any) -> str:
    """All that a reader could get out of the answer, and where it leads."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer.get("Location", "") + answer.get("Content-Disposition", "") + FRESH.sub("", _words(body))


def _words(body: bytes) -> str:
    if body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(body)) as file:
            names = [name for name in file.namelist() if name != "docProps/core.xml"]
            return "\n".join(file.read(name).decode(errors="replace") for name in sorted(names))
    if body.startswith(b"%PDF"):
        document = pypdfium2.PdfDocument(body)
        words = "\n".join(page.get_textpage().get_text_bounded() for page in document)
        document.close()
        return words
    return body.decode(errors="replace")
