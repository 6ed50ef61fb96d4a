"""From the frozen document to what is printed: words chosen, dates written and text cleaned, once for all formats."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any

from .errors import DocumentInvalid
from .words import language_of, words_in, written_date

SCHEMA = "duban.bulletin/1"
SCHEMA_WITH_BLOCKS = "duban.bulletin/2"
"""As /1, with the blocks of the page in their order; its `number` is null where a day’s page is set and no issue."""
SCHEMAS = (SCHEMA, SCHEMA_WITH_BLOCKS)
SECTION_KEYS = ("rectified", "new")

# Marks that turn the reading direction round without being seen: with them a printed number could be shown backwards.
_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE_ENDS = re.compile(r"\r\n|[\r\v\f\x85\u2028\u2029]")


@dataclass(frozen=True)
class Photo:
    """A photo to print. ``source`` is the photo's own dict in the document; ``alt`` says in words what it shows."""

    source: Mapping[str, Any]
    sha256: str
    public_sha256: str
    width: int
    height: int
    role: str
    alt: str


@dataclass(frozen=True)
class Entry:
    """An entry as printed: ``position`` counts from 1 in its section, ``facts`` are (label, value) pairs."""

    position: int
    number: str
    category: str
    category_lang: str
    statement: str
    description: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    before: tuple[Photo, ...]
    after: tuple[Photo, ...]


@dataclass(frozen=True)
class Section:
    """A part of the issue; ``empty`` is the sentence printed when it has no entries."""

    key: str
    title: str
    count: int
    count_label: str
    empty: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Exposed:
    """A venue in the exposure column, ``position`` counting from 1; what is taken back has no ``problems``."""

    position: int
    id: str
    venue: str
    kind: str
    town: str
    problems: tuple[str, ...]
    correction: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Article:
    """A block of the page: its kind, words, photos; of the hygiene block also where it is signed."""

    kind: str
    id: str
    headline: str
    paragraphs: tuple[str, ...]
    byline: str
    photos: tuple[Photo, ...]
    """``alt`` is the caption that is printed beneath."""
    signed: str
    number_text: str


@dataclass(frozen=True)
class Issue:
    """An issue ready for any of the formats: every text is clean, every date written in ``language``."""

    language: str
    words: Mapping[str, str]
    series: str
    jurisdiction: str
    number: int | None
    number_text: str
    correction: str
    title: str
    intro: tuple[str, ...]
    issuer: str
    byline: str
    published: datetime
    published_text: str
    schematic: str
    sections: tuple[Section, ...]
    exposed: tuple[Exposed, ...]
    blocks: tuple[Article, ...]
    """None in an issue of the first schema: sections and column stand in their fixed order."""
    checkpoint: str
    previous: str
    hash: str

    @property
    def parts(self) -> tuple[tuple[str, Article | None], ...]:
        """What follows the masthead in its order: ``hygiene`` the sections, ``exposure`` the column, else an article.

        Each with its own words, where there are some. A page without entries says nothing of them.
        """
        if not self.blocks:
            return (("hygiene", None), ("exposure", None))
        return tuple((block.kind, block) for block in self.blocks)

    @property
    def has_entries(self) -> bool:
        """Whether the sections are printed: those of an issue without blocks always are."""
        return not self.blocks or any(section.entries for section in self.sections)

    @property
    def full_title(self) -> str:
        """Series, number and headline in one line, as for a window title or file metadata."""
        return " ".join(part for part in (self.jurisdiction + self.series, self.number_text, self.title) if part)


def issue_hash(document: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over the canonical JSON of a document: sorted keys, no spaces, UTF-8."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def clean(text: str) -> str:
    """``text`` without what cannot be printed: controls, direction marks, non-characters, half surrogates.

    Line ends of all kinds become ``\\n``, tabs become spaces; right-to-left letters and emoji stay as they are.
    """
    text = _LINE_ENDS.sub("\n", text).replace("\t", " ")
    return "".join(map(_printable, text)).strip()


def _printable(character: str) -> str:
    if character == "\n" or " " <= character <= "~" or "\u4e00" <= character <= "\u9fff":
        return character
    code = ord(character)
    if character in _DIRECTION_MARKS or character == "\ufeff" or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
        return ""
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    return "" if category == "Cc" else character


def line(text: str) -> str:
    """``text`` cleaned and on one line."""
    return re.sub(r"\s*\n\s*", " ", clean(text))


def paragraphs(text: str) -> tuple[str, ...]:
    """The non-empty paragraphs of ``text``, which are split by line ends."""
    return tuple(part.strip() for part in clean(text).split("\n") if part.strip())


def read_issue(document: Mapping[str, Any], language: str) -> Issue:
    """The issue that ``document`` (one of ``SCHEMAS``) describes, worded in ``language`` (zh or en).

    Raises DocumentInvalid with the path of the first part that is absent or of a wrong kind, and LanguageUnknown.
    """
    language = language_of(language)
    words = words_in(language)
    if not isinstance(document, Mapping):
        raise DocumentInvalid("", "is not an object")
    if document.get("schema") not in SCHEMAS:
        raise DocumentInvalid("/schema", f"is {document.get('schema')!r}, not {' or '.join(SCHEMAS)}")
    has_blocks = document["schema"] == SCHEMA_WITH_BLOCKS
    series = _part(document, "series", Mapping, "")
    jurisdiction = _part(series, "jurisdiction", Mapping, "/series")
    number = None if has_blocks and document.get("number") is None else _part(document, "number", int, "")
    corrects = document.get("corrects")
    if corrects is not None and (not isinstance(corrects, int) or isinstance(corrects, bool)):
        raise DocumentInvalid("/corrects", "is neither null nor a number")
    published = _moment(_part(document, "published_at", str, ""), "/published_at", None)
    return Issue(
        language=language,
        words=words,
        series=line(_part(series, "name", str, "/series")),
        jurisdiction=line(_part(jurisdiction, "name", str, "/series/jurisdiction")),
        number=number,
        number_text=words["number"].format(number=number) if number is not None else "",
        correction=words["correction"].format(number=corrects) if corrects is not None else "",
        title=line(_optional(document, "title", "")),
        intro=paragraphs(_optional(document, "intro", "")),
        issuer=line(_part(document, "issuer", str, "")),
        byline=line(_optional(document, "byline", "")),
        published=published,
        published_text=written_date(published.date(), language),
        schematic=words["schematic"] if document.get("schematic") else "",
        sections=_sections(document, words, language, published.tzinfo),
        exposed=_column(document, words, language),
        blocks=_blocks(document, words, language) if has_blocks else (),
        checkpoint=line(_optional(document, "checkpoint", "")),
        previous=line(_optional(document, "previous", "")),
        hash=issue_hash(document),
    )


BLOCK_KINDS = ("hygiene", "exposure", "epidemic", "organisations", "story", "decisions", "photo", "article")


def _blocks(document: Mapping[str, Any], words: Mapping[str, str], language: str) -> tuple[Article, ...]:
    found = []
    for index, block in enumerate(_part(document, "blocks", list, "")):
        path = f"/blocks/{index}"
        if not isinstance(block, Mapping):
            raise DocumentInvalid(path, "is not an object")
        kind = _part(block, "kind", str, path)
        if kind not in BLOCK_KINDS:
            raise DocumentInvalid(f"{path}/kind", f"is {kind!r}, not one of {', '.join(BLOCK_KINDS)}")
        number = None if block.get("number") is None else _part(block, "number", int, path)
        issuer = line(_optional(block, "issuer", path))
        found.append(
            Article(
                kind=kind,
                id=line(_optional(block, "id", path)) or str(index + 1),
                headline=line(_told(block, "headline", path, language)),
                paragraphs=paragraphs(_told(block, "text", path, language)),
                byline=line(_optional(block, "byline", path)),
                photos=_captioned(block, path, words, language),
                signed=words["imprint"].format(issuer=issuer, number=number) if issuer and number is not None else "",
                number_text=words["number"].format(number=number) if number is not None else "",
            )
        )
    return tuple(found)


def _told(block: Mapping[str, Any], key: str, path: str, language: str) -> str:
    """The words in the language, else in Chinese."""
    said = _part(block, key, Mapping, path)
    chinese = _optional(said, "zh", f"{path}/{key}")
    return (_optional(said, "en", f"{path}/{key}") or chinese) if language == "en" else chinese


def _captioned(block: Mapping[str, Any], path: str, words: Mapping[str, str], language: str) -> tuple[Photo, ...]:
    found = []
    for index, photo in enumerate(block.get("photos") or ()):
        here = f"{path}/photos/{index}"
        if not isinstance(photo, Mapping):
            raise DocumentInvalid(here, "is not an object")
        found.append(
            Photo(
                source=photo,
                sha256=_part(photo, "sha256", str, here),
                public_sha256=_part(photo, "public_sha256", str, here),
                width=_part(photo, "width", int, here),
                height=_part(photo, "height", int, here),
                role="",
                alt=line(_told(photo, "caption", here, language)) or words["photo"],
            )
        )
    return tuple(found)


def _sections(
    document: Mapping[str, Any], words: Mapping[str, str], language: str, zone: tzinfo | None
) -> tuple[Section, ...]:
    given: dict[str, Sequence[Any]] = {}
    for index, section in enumerate(_part(document, "sections", list, "")):
        path = f"/sections/{index}"
        if not isinstance(section, Mapping):
            raise DocumentInvalid(path, "is not an object")
        key = _part(section, "key", str, path)
        if key not in SECTION_KEYS:
            raise DocumentInvalid(f"{path}/key", f"is {key!r}, not one of {', '.join(SECTION_KEYS)}")
        if key in given:
            raise DocumentInvalid(f"{path}/key", f"{key!r} stands twice")
        given[key] = [
            _entry(entry, f"{path}/entries/{place}", place + 1, key, words, language, zone)
            for place, entry in enumerate(_part(section, "entries", list, path))
        ]
    # The issue always speaks of both: a missing part would leave it open whether there was nothing or nobody looked.
    order = list(given) + [key for key in SECTION_KEYS if key not in given]
    counts = _part(document, "counts", Mapping, "") if document.get("counts") is not None else {}
    return tuple(
        Section(
            key=key,
            title=words[key],
            count=_part(counts, key, int, "/counts") if key in counts else len(given.get(key, ())),
            count_label=words[f"{key}_count"],
            empty=words[f"{key}_empty"],
            entries=tuple(given.get(key, ())),
        )
        for key in order
    )


def _entry(
    entry: Any,
    path: str,
    position: int,
    section: str,
    words: Mapping[str, str],
    language: str,
    zone: tzinfo | None,
) -> Entry:
    if not isinstance(entry, Mapping):
        raise DocumentInvalid(path, "is not an object")
    category = _part(entry, "category", Mapping, path)
    name = line(_part(category, "name", str, f"{path}/category"))
    english = line(_optional(category, "name_en", f"{path}/category"))
    shown = english if language == "en" and english else name
    statement = line(_part(entry, "statement", str, path))
    responsible = _part(entry, "responsible", Mapping, path)
    facts = [(words["responsible"], line(_part(responsible, "name", str, f"{path}/responsible")))]
    when = "closed_at" if section == "rectified" else "due_at"
    if entry.get(when):
        moment = _moment(_part(entry, when, str, path), f"{path}/{when}", zone)
        facts.append((words["closed" if section == "rectified" else "due"], written_date(moment.date(), language)))
    photos = entry.get("photos") or {}
    if not isinstance(photos, Mapping):
        raise DocumentInvalid(f"{path}/photos", "is not an object")
    roles = {"before": words["before" if section == "rectified" else "photo"], "after": words["after"]}
    return Entry(
        position=position,
        number=line(_optional(entry, "number", path)),
        category=shown,
        category_lang="en" if shown is english else "zh-Hans",
        statement=statement,
        description=paragraphs(_optional(entry, "description", path)),
        facts=tuple(facts),
        before=_photos(photos, "before", f"{path}/photos", roles["before"], shown, statement, words),
        after=_photos(photos, "after", f"{path}/photos", roles["after"], shown, statement, words),
    )


def _column(document: Mapping[str, Any], words: Mapping[str, str], language: str) -> tuple[Exposed, ...]:
    """The exposure column; an issue without one says nothing of it."""
    if document.get("exposures") is None:
        return ()
    return tuple(
        _exposed(exposure, f"/exposures/{place}", place + 1, words, language)
        for place, exposure in enumerate(_part(document, "exposures", list, ""))
    )


def _exposed(exposure: Any, path: str, position: int, words: Mapping[str, str], language: str) -> Exposed:
    if not isinstance(exposure, Mapping):
        raise DocumentInvalid(path, "is not an object")
    kind, town = _part(exposure, "kind", Mapping, path), _part(exposure, "town", Mapping, path)
    problems = [
        _problem(problem, f"{path}/problems/{index}", words, language)
        for index, problem in enumerate(_part(exposure, "problems", list, path))
    ]
    facts = [(words["inspected"], _day(_part(exposure, "visited_on", str, path), f"{path}/visited_on", language))]
    if problems:
        stand = _part(exposure, "stand", str, path)
        standing = {"": "no_reply", "mended": "says_mended"}.get(stand, stand)
        if standing not in {"no_reply", "says_mended", "accepts", "disputes", "declines"}:
            raise DocumentInvalid(f"{path}/stand", f"is {stand!r}, no stand of a venue")
        facts.append((words["stand"], words[standing]))
    return Exposed(
        position=position,
        id=line(_part(exposure, "id", str, path)),
        venue=line(_part(exposure, "venue", str, path)),
        kind=_in_language(kind, "name", "name_en", f"{path}/kind", language),
        town=line(_part(town, "name", str, f"{path}/town")),
        problems=tuple(problems),
        correction=_correction(exposure, path, words, language, whole=not problems),
        facts=tuple(facts),
    )


def _problem(problem: Any, path: str, words: Mapping[str, str], language: str) -> str:
    if not isinstance(problem, Mapping):
        raise DocumentInvalid(path, "is not an object")
    said = _in_language(problem, "zh", "en", path, language)
    if problem.get("mended_on") is None:
        return said
    day = _day(_part(problem, "mended_on", str, path), f"{path}/mended_on", language)
    return words["mended"].format(problem=said, day=day)


def _correction(exposure: Mapping[str, Any], path: str, words: Mapping[str, str], language: str, *, whole: bool) -> str:
    old = exposure.get("corrects")
    if old is None:
        if whole:
            raise DocumentInvalid(f"{path}/problems", "are none, and nothing is corrected")
        return ""
    if not isinstance(old, Mapping):
        raise DocumentInvalid(f"{path}/corrects", "is neither null nor an object")
    pattern = "retracts" if whole else "replaces"
    if old.get("number") is not None:
        return words[f"{pattern}_number"].format(number=_part(old, "number", int, f"{path}/corrects"))
    day = _day(_part(old, "approved_on", str, f"{path}/corrects"), f"{path}/corrects/approved_on", language)
    return words[pattern].format(day=day)


def _in_language(part: Mapping[str, Any], chinese: str, english: str, path: str, language: str) -> str:
    said = line(_part(part, chinese, str, path))
    return (line(_optional(part, english, path)) or said) if language == "en" else said


def _day(text: str, path: str, language: str) -> str:
    try:
        return written_date(date.fromisoformat(text), language)
    except ValueError:
        raise DocumentInvalid(path, f"{text!r} is no day") from None


def _photos(
    photos: Mapping[str, Any],
    key: str,
    path: str,
    role: str,
    category: str,
    statement: str,
    words: Mapping[str, str],
) -> tuple[Photo, ...]:
    listed = photos.get(key) or ()
    if not isinstance(listed, list | tuple):
        raise DocumentInvalid(f"{path}/{key}", "is not a list")
    found = []
    for index, photo in enumerate(listed):
        here = f"{path}/{key}/{index}"
        if not isinstance(photo, Mapping):
            raise DocumentInvalid(here, "is not an object")
        pattern = words["photo_of" if len(listed) == 1 else "photo_of_many"]
        found.append(
            Photo(
                source=photo,
                sha256=_part(photo, "sha256", str, here),
                public_sha256=_part(photo, "public_sha256", str, here),
                width=_part(photo, "width", int, here),
                height=_part(photo, "height", int, here),
                role=role,
                alt=pattern.format(
                    role=role, index=index + 1, count=len(listed), category=category, statement=statement
                ),
            )
        )
    return tuple(found)


def _part(parent: Mapping[str, Any], key: str, kind: type, path: str) -> Any:
    value = parent.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise DocumentInvalid(f"{path}/{key}", "is absent" if value is None else f"is not of the kind {kind.__name__}")
    return value


def _optional(parent: Mapping[str, Any], key: str, path: str) -> str:
    return "" if parent.get(key) is None else _part(parent, key, str, path)


def _moment(text: str, path: str, zone: tzinfo | None) -> datetime:
    """The moment, shown in the offset the issue was published in: its dates must agree with one another."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DocumentInvalid(path, f"{text!r} is no ISO 8601 time") from None
    if zone is None:
        if moment.tzinfo is None:
            raise DocumentInvalid(path, f"{text!r} has no offset")
        return moment
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
