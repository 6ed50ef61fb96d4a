"""Which file a person has already: by ID number, else phone and name, else name and date of birth. Never by guess."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from duban.core.errors import Conflict, DubanError
from duban.outbreak.models import CaseExposure, CaseFile, FileKey, FileState

STRONG = ("id_number", "own_id", "phone", "name_birth")
"""Kinds of keys that few people share; a name alone leads to nobody."""
NUMBERS = ("id_number", "own_id")
CHUNK = 900
KEEP = "INSERT INTO outbreak_filekey (file_id, kind, digest) VALUES {rows}"
Keys = Mapping[str, str]
NewKey = tuple[uuid.UUID, str, str]
"""File, kind and digest, as `keep_keys` writes them."""
Item = TypeVar("Item")


class BadFile(DubanError):
    pass


@dataclass
class Held:
    """A file as matching sees it: with all that it, and what was merged into it, is found by and exposed to."""

    file: CaseFile
    keys: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    exposures: dict[tuple[str, str], CaseExposure] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.file.state == FileState.OPEN

    def differs(self, keys: Keys, *kinds: str) -> bool:
        """Whether both say something of one of the kinds, and not the same."""
        return any(kind in keys and self.keys[kind] and keys[kind] not in self.keys[kind] for kind in kinds)


class Register:
    """The files of an office that any of some people could have; those that are opened now are added as they come."""

    def __init__(self, office: str):
        self.office = office
        self.by_key: dict[tuple[str, str], dict[uuid.UUID, Held]] = defaultdict(dict)
        self.by_person: dict[str, dict[uuid.UUID, Held]] = defaultdict(dict)

    def load(self, all_keys: Collection[Keys], tokens: Collection[str]) -> None:
        """Read the files that share a strong key or a token with any of these people, a few queries for each 900."""
        digests = {digest for keys in all_keys for kind, digest in keys.items() if kind in STRONG}
        found: set[uuid.UUID] = set()
        for part in _chunks(digests):
            # By the index of digests alone; of which office a file is, is seen where it is read.
            found |= set(FileKey.objects.filter(digest__in=part).values_list("file_id", flat=True))
        for part in _chunks(tokens):
            files = CaseFile.objects.filter(office=self.office, person__in=part)
            found |= set(files.values_list("pk", flat=True))
        self._read(found)

    def _read(self, found: set[uuid.UUID]) -> None:
        # Of a merged file all that lies in the one above it, and of that one all below.
        held: dict[uuid.UUID, Held] = {}
        for part in _chunks(set(self._roots(found).values())):
            held |= {file.pk: Held(file) for file in CaseFile.objects.filter(pk__in=part, office=self.office)}
        whole = _whole(held)
        for part in _chunks(whole):
            for file_id, person in CaseFile.objects.filter(pk__in=part).values_list("pk", "person"):
                self.by_person[person][whole[file_id]] = held[whole[file_id]]
            for file_id, kind, digest in FileKey.objects.filter(file__in=part).values_list("file_id", "kind", "digest"):
                self._index(held[whole[file_id]], kind, digest)
            for exposure in CaseExposure.objects.filter(file__in=part).order_by("-file", "pk"):
                held[whole[exposure.file_id]].exposures.setdefault((exposure.kind, exposure.basis), exposure)

    def _roots(self, found: Iterable[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
        """The file each is in now, all steps of merging up, by its id."""
        roots = {file_id: file_id for file_id in found}
        asked = set(roots)
        while asked:
            upper: dict[uuid.UUID, uuid.UUID] = {}
            for part in _chunks(asked):
                upper |= _uppers(CaseFile.objects.filter(pk__in=part))
            roots = {file_id: upper.get(root, root) for file_id, root in roots.items()}
            asked = set(upper.values())
        return roots

    def _index(self, held: Held, kind: str, digest: str) -> None:
        held.keys[kind].add(digest)
        if kind in STRONG:
            self.by_key[kind, digest][held.file.pk] = held

    def add(self, file: CaseFile, keys: Keys) -> Held:
        """A file that is opened now."""
        held = Held(file)
        self.by_person[file.person][file.pk] = held
        self.learn(held, keys)
        return held

    def learn(self, held: Held, keys: Keys) -> list[NewKey]:
        """The keys that the file was not yet found by, to be kept; a phone that differs is one more."""
        new = [(held.file.pk, kind, digest) for kind, digest in keys.items() if digest not in held.keys[kind]]
        for kind, digest in keys.items():
            self._index(held, kind, digest)
        return new

    # ---- asking -----------------------------------------------------------------------------------------------------

    def find(self, keys: Keys, token: str, bases: Collection[tuple[str, str]]) -> Held | None:
        """The file of whoever has these keys, or None: it is to be opened.

        A file that is released or closed is found only for exposures that it knows already. Raises BadFile
        (`id_with_other_name`), Conflict (`several_files`).
        """
        candidates = [held for held in self._candidates(keys, token) if held.is_open]
        if len(candidates) > 1:
            raise Conflict("several_files", _("More than one file fits; give the ID number, or merge the files first."))
        if candidates:
            return candidates[0]
        past = [held for held in self._candidates(keys, token) if bases and set(bases) <= set(held.exposures)]
        return past[0] if past else None

    def _candidates(self, keys: Keys, token: str) -> list[Held]:
        by_number = self._all((kind, keys[kind]) for kind in NUMBERS if kind in keys)
        if by_number:
            if all(held.differs(keys, "name") for held in by_number):
                raise BadFile(
                    "id_with_other_name",
                    _("This ID number is in a file under another name; see which of the two is right."),
                    field="id_number",
                )
            return by_number
        if token and (by_token := list(self.by_person[token].values())):
            return by_token
        by_phone = [
            held
            for held in self._all([("phone", keys["phone"])] if "phone" in keys else [])
            if keys.get("name") in held.keys["name"] and not held.differs(keys, *NUMBERS)
        ]
        if by_phone:
            return by_phone
        by_birth = self._all([("name_birth", keys["name_birth"])] if "name_birth" in keys else [])
        return [held for held in by_birth if not held.differs(keys, *NUMBERS, "phone")]

    def _all(self, keys: Iterable[tuple[str, str]]) -> list[Held]:
        found: dict[uuid.UUID, Held] = {}
        for key in keys:
            found |= self.by_key.get(key, {})
        return list(found.values())


def _whole(roots: Iterable[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """The root of each file: of the roots themselves, and of all that were merged into them, however deep."""
    whole = {root: root for root in roots}
    asked = list(whole)
    while asked:
        below: dict[uuid.UUID, uuid.UUID] = {}
        for part in _chunks(asked):
            below |= _uppers(CaseFile.objects.filter(merged_into__in=part))
        asked = list(below)
        whole |= {file_id: whole[upper] for file_id, upper in below.items()}
    return whole


def _uppers(files: QuerySet[CaseFile]) -> dict[uuid.UUID, uuid.UUID]:
    pairs = files.values_list("pk", "merged_into_id")
    return {file_id: upper for file_id, upper in pairs if upper is not None}


def _chunks(items: Iterable[Item]) -> Iterable[list[Item]]:
    held = list(items)
    return (held[start : start + CHUNK] for start in range(0, len(held), CHUNK))


def keep_keys(keys: Sequence[NewKey]) -> None:
    """Write the keys. There are four to a person, and a model's instance of each costs more than all else of a list."""
    as_kept, connection = CaseFile._meta.pk.get_db_prep_value, connections[DEFAULT_DB_ALIAS]
    with connection.cursor() as cursor:
        for part in _chunks(keys):
            marks = ", ".join(["(%s, %s, %s)"] * len(part))
            values = [value for file, kind, key in part for value in (as_kept(file, connection), kind, key)]
            cursor.execute(KEEP.format(rows=marks), values)
