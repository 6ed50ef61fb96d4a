"""The box of a secret vote: ballots sorted and encrypted together, so that neither order nor time joins one to a door.

A row for each ballot would tell: the database keeps rows in the order in which they came, and the households that have
voted come in the same order. Here each ballot rewrites the whole box, and what is kept is how often each option lies in
it.
"""

import json
from collections import Counter
from collections.abc import Iterable

from duban.core.sealed_text import open_text, seal_text


def open_box(sealed: bytes | memoryview | None) -> Counter[str]:
    """How often each option lies in the box."""
    return Counter(json.loads(open_text(sealed))) if sealed is not None else Counter()


def with_ballots(sealed: bytes | memoryview | None, choices: Iterable[str]) -> bytes:
    """The box with these ballots besides. Its size does not tell what is in it: numbers stand at one width."""
    counts = open_box(sealed) + Counter(choices)
    return seal_text(json.dumps({option: counts[option] for option in sorted(counts)}).ljust(2000))
