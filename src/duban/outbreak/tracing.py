"""Contacts of confirmed cases, generation by generation, from the store: each person one, whatever they were called."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.engines.screen import Case, Settings, Store, Traced, WindowRule, read_cases, trace
from duban.outbreak import store
from duban.outbreak.models import Alias
from duban.outbreak.people import TOKEN, Tokens, persons_of
from duban.outbreak.screening import BadScreening, refusing

REFERENCE = Path(__file__).parent / "reference" / "infectious.json"
BATCH = 65_536


def window_rules() -> tuple[WindowRule, ...]:
    """How long before onset or sampling a case counts as infectious, by effective date."""
    rows = json.loads(REFERENCE.read_text(encoding="utf-8"))["rules"]
    return tuple(
        WindowRule(datetime.fromisoformat(row["since"]).date(), row["before_onset_days"], row["before_sampling_days"])
        for row in rows
    )


def cases_in(data: bytes) -> list[Case]:
    """The cases of a CSV with the contract's columns (UTF-8 or GB 18030); naive times are the office's.

    Raises BadScreening with the engine's code, its row counted from 1, or `no_cases`.
    """
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise BadScreening("file_encoding", _("The text is neither UTF-8 nor GB 18030; save it as UTF-8."))
    with refusing():
        cases = read_cases(text, timezone.get_default_timezone())
    if not cases:
        raise BadScreening("no_cases", _("The file names no case."), field="cases")
    return cases


@dataclass(frozen=True)
class Wanted:
    """minutes and metres of a contact, how many generations, and for how long after somebody left another counts."""

    minutes: float = 15.0
    metres: float = 0.0
    generations: int = 1
    after_minutes: float = 0.0

    def settings(self) -> Settings:
        """As the engine takes it; raises BadScreening (`bad_setting`)."""
        with refusing():
            return Settings(self.minutes, self.metres, self.generations, self.after_minutes)


def trace_file(cases: Sequence[Case], path: Path, wanted: Wanted, *, now: datetime, out: Path | None = None) -> Traced:
    """Contacts in a file or folder of presences, whose persons are called there as the cases call them."""
    settings = wanted.settings()
    with refusing():
        return trace(path, cases, settings, now=now, rules=window_rules(), out=out)


def trace_store(cases: Sequence[Case], wanted: Wanted, *, now: datetime, out: Path | None = None) -> Traced:
    """Contacts in the store. A case is a token, or whatever its source called the person: an ID number, a phone.

    Raises BadScreening.
    """
    settings = wanted.settings()
    tokens = Tokens()
    told = [case.person if TOKEN.fullmatch(case.person) else tokens.of_person(case.person) for case in cases]
    ties = persons_of(told)
    named = [replace(case, person=ties.get(token, token)) for case, token in zip(cases, told, strict=True)]
    with refusing(), store.reading() as there:
        presences = _one_name_each(there) if Alias.objects.filter(shared=False).exists() else there
        return trace(presences, named, settings, now=now, rules=window_rules(), out=out)


def _one_name_each(there: Store) -> Iterator[pa.RecordBatch]:
    """The store's rows with each alias replaced by its person."""
    pairs = list(Alias.objects.filter(shared=False).values_list("token", flat=True))
    ties = persons_of(pairs)
    tokens, persons = pa.array(list(ties), pa.string()), pa.array(list(ties.values()), pa.string())
    for source in there.sources():
        with pq.ParquetFile(source.path) as file:
            for batch in file.iter_batches(BATCH, columns=store.SCHEMA.names):
                at = pc.index_in(batch["person"], value_set=tokens)
                person = pc.coalesce(persons.take(at), batch["person"])
                yield batch.set_column(0, store.SCHEMA.field("person"), person)
