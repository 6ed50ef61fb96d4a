"""Numbers for who may not know the people: nobody is in two of them, and none is below ten.

Whoever has all of them can add them up, and no more: they are the sizes of groups that share nobody. So two screenings
of nearly the same people, or two versions of an area, tell nothing by their difference, as it is never told.
"""

from collections.abc import Collection, Mapping

from duban.ledger.counters import count_up
from duban.outbreak.models import Found
from duban.outbreak.people import all_tokens_of

FEW = 10
"""A smaller number of people is told to health officers alone."""
BATCH = 900


def tellable(towns: Mapping[str, str], counted: Collection[str]) -> tuple[dict[str, int], set[str]]:
    """By town the number of people who are in no number yet, where it is not too small; and who is in these now.

    `towns` is the town of each person found, `counted` are those of them whom an earlier number holds.
    """
    fresh: dict[str, list[str]] = {}
    for person, town in towns.items():
        if person not in counted:
            fresh.setdefault(town, []).append(person)
    told = {town: people for town, people in fresh.items() if len(people) >= FEW}
    numbers = {town: len(people) for town, people in sorted(told.items())}
    return numbers, {person for people in told.values() for person in people}


def count_once(towns: Mapping[str, str]) -> tuple[dict[str, int], set[str]]:
    """As `tellable`, by what all screenings told so far; until the commit nobody else counts."""
    count_up("screenings-told")
    return tellable(towns, _counted_before(towns))


def _counted_before(persons: Collection[str]) -> set[str]:
    """Those of the persons who are in a number already, under whichever name it was."""
    names = all_tokens_of(persons)
    tokens = list(names)
    found: set[str] = set()
    for start in range(0, len(tokens), BATCH):
        known = Found.objects.filter(counted=True, person__in=tokens[start : start + BATCH])
        found |= {names[token] for token in known.values_list("person", flat=True)}
    return found
