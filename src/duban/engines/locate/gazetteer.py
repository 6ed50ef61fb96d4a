"""The list of administrative units: what a code is called, and which code a village's name means."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from duban.engines.geo.codes import trim_code

from . import names


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit: digits of its code (groups of trailing zeros dropped), name as listed, kind."""

    code: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Match:
    """What a village's name means: a unit, or why not ("not_listed", "ambiguous")."""

    unit: Unit | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """Units by code, and villages and communities by what their names share; make one with `build`."""

    units: Mapping[str, Unit]
    villages: Mapping[str, tuple[Unit, ...]]

    @classmethod
    def build(
        cls, codes: Iterable[str], unit_names: Iterable[str], kinds: Iterable[str | None] | None = None
    ) -> "Gazetteer":
        """From three columns of equal length; a missing or empty kind is read from the name.

        A code given twice keeps its last row, and what is not a code is left out. Raises ValueError for columns of
        unequal length.
        """
        codes = list(codes)
        kinds = list(kinds) if kinds is not None else [None] * len(codes)
        units = {}
        for code, name, kind in zip(map(trim_code, codes), unit_names, kinds, strict=True):
            if code:
                units[code] = Unit(code, names.clean(name), kind or names.kind_from_name(name, code))
        villages = defaultdict(list)
        for code in sorted(units):
            if len(code) == 12:
                villages[names.village_key(units[code].name)].append(units[code])
        return cls(units, {key: tuple(found) for key, found in villages.items()})

    def find(self, code: str) -> Unit | None:
        """The unit of a trimmed code."""
        return self.units.get(code)

    def village(self, name: str, within: str = "") -> Match:
        """The one village or community called `name` among the codes that start with `within`.

        Of several that share the bare name (a village and a community 富豪) the one printed alike is meant.
        """
        found = [unit for unit in self.villages.get(names.village_key(name), ()) if unit.code.startswith(within)]
        if len(found) > 1:
            printed = names.village_name(name)
            alike = [unit for unit in found if names.village_name(unit.name, unit.kind) == printed]
            found = alike or found
        if len(found) == 1:
            return Match(found[0])
        return Match(None, "ambiguous" if found else "not_listed")
