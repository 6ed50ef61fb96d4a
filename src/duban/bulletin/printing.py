"""A block as it is printed: the words that somebody wrote or that the records give, every figure looked up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from duban.bulletin.figures import Facts, marks_in, resolved

LANGUAGES = ("zh", "en")


@dataclass(frozen=True)
class Written:
    """A block's own words, where somebody has written them; empty ones are made of the facts."""

    headline: Mapping[str, str]
    text: Mapping[str, str]
    byline: str = ""


def frozen_block(facts: Facts, written: Written | None) -> dict[str, Any]:
    """A block as it is printed: its figures looked up, and said beside the words which they were."""
    headline = {
        language: (written.headline.get(language) if written else None) or facts.headline.get(language, "")
        for language in LANGUAGES
    }
    text = {
        language: (written.text.get(language) if written else None) or facts.text.get(language, "")
        for language in LANGUAGES
    }
    figures: dict[str, dict[str, Any]] = {}
    for words in (headline, text):
        for language in LANGUAGES:
            for said in marks_in(words[language], facts.figures, language):
                if said.figure is not None:
                    figures.setdefault(said.key, {
                        "key": said.key, "said": said.said, "found": said.found,
                        "zh": said.figure.zh, "en": said.figure.en,
                    })  # fmt: skip
    printed: dict[str, Any] = {
        "kind": facts.kind,
        "headline": {language: resolved(headline[language], facts.figures, language) for language in LANGUAGES},
        "text": {language: resolved(text[language], facts.figures, language) for language in LANGUAGES},
        "byline": (written.byline if written else "") or facts.byline,
        "figures": [figures[key] for key in sorted(figures)],
        "photos": [dict(photo) for photo in facts.photos],
    }
    if facts.kind == "photo":
        # What is written in the block is the caption of its picture.
        printed["photos"] = [photo | {"caption": printed["text"]} for photo in printed["photos"]]
        printed["text"] = dict.fromkeys(LANGUAGES, "")
    return printed
