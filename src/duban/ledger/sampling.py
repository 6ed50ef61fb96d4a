"""Drawing a stratified sample that anybody can draw again: docs/lookback.md says how by hand.

A row belongs to the stratum of its town and of whether it came back before. Within a stratum the order is that of
SHA-256 over the seed and the row's number, so it neither depends on how the rows came nor can anybody steer it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

ENGINE = "duban.draw/1"

Row = tuple[str, str, bool]
"""Number, town, and whether it came back before."""
Key = tuple[str, bool]
"""Town, and whether it came back before."""


@dataclass(frozen=True)
class Stratum:
    """What is alike for the draw: how many there are, and how many of them were drawn."""

    town: str
    again: bool
    size: int
    drawn: int


@dataclass(frozen=True)
class Drawing:
    numbers: tuple[str, ...]
    """The numbers drawn, stratum by stratum, each in the order of its digests."""
    strata: tuple[Stratum, ...]


def digest(seed: str, number: str) -> str:
    """What orders a row within its stratum."""
    return sha256(f"{seed}:{number}".encode()).hexdigest()


def draw(frame: Iterable[Row], size: int, seed: str) -> Drawing:
    """Draw `size` of the frame's rows, or all where there are fewer; numbers are unique in a frame."""
    strata: dict[Key, list[tuple[str, str]]] = {}
    for number, town, again in frame:
        strata.setdefault((town, again), []).append((digest(seed, number), number))
    for rows in strata.values():
        rows.sort()
    first = {key: rows[0][0] for key, rows in strata.items()}
    shares = allocate({key: len(rows) for key, rows in strata.items()}, size, first)
    return Drawing(
        numbers=tuple(number for key in sorted(strata) for _digest, number in strata[key][: shares[key]]),
        strata=tuple(Stratum(*key, len(strata[key]), shares[key]) for key in sorted(strata)),
    )


def allocate(sizes: Mapping[Key, int], size: int, first: Mapping[Key, str]) -> dict[Key, int]:
    """How many to draw of each stratum: in proportion, by largest remainder, and at least one while the size allows.

    Where there are more strata than can be drawn, one of each whose first digest is among the smallest.
    """
    size = max(min(size, sum(sizes.values())), 0)
    if size < len(sizes):
        chosen = set(sorted(sizes, key=lambda key: first[key])[:size])
        return {key: int(key in chosen) for key in sizes}
    # Whose share is below one gets one, and the others share what is left, until no share is below one.
    shares: dict[Key, int] = {}
    rest = dict(sizes)
    while small := [key for key, of in rest.items() if of * (size - len(shares)) < sum(rest.values())]:
        for key in small:
            del rest[key]
        shares |= dict.fromkeys(small, 1)
    left, whole = size - len(shares), sum(rest.values())
    # Whole numbers throughout: a remainder lost to rounding would make another sample.
    shares |= {key: left * of // whole for key, of in rest.items()}
    over = size - sum(shares.values())
    for key in sorted(rest, key=lambda key: (-(left * rest[key] % whole), -rest[key], key))[:over]:
        shares[key] += 1
    return shares
