"""Writes of the places app: the code list and the layers."""

from datetime import date, datetime
from functools import partial

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.core import audit
from duban.core.audit import Actor
from duban.core.errors import DubanError
from duban.core.tables import BadTable, Row, read_table
from duban.core.text import spelled
from duban.engines.locate import kind_from_name
from duban.places.codes import LENGTHS, normalise_code
from duban.places.files import LayerFeatures, layer_path, read_layer, write_layer
from duban.places.models import Jurisdiction, Layer, LayerName

KINDS = ("county", "street", "area", "town", "township", "village", "community", "grid")


class BadJurisdictions(DubanError):
    """Every row that was refused, in `refused`; nothing was written."""

    def __init__(self, refused: list[tuple[Row, DubanError]]):
        first = refused[0][1]
        super().__init__(
            first.code,
            _("%(count)d rows refused, nothing loaded; the first: %(first)s") % {"count": len(refused), "first": first},
            field=first.field,
            row=first.row,
        )
        self.refused = refused


@transaction.atomic
def load_jurisdictions(*, by: Actor, now: datetime, data: bytes, name: str) -> int:
    """Add or rename the jurisdictions of a table (code, name[, kind]); idempotent. Returns how many the table holds.

    All rows or none: raises BadTable for the file, BadJurisdictions for its rows.
    """
    _columns, rows = read_table(data, name, required=("code", "name"))
    units: dict[str, Jurisdiction] = {}
    refused: list[tuple[Row, DubanError]] = []
    for row in rows:
        try:
            unit = _read_unit(row, now)
            other = units.setdefault(unit.code, unit)
            if other.name != unit.name:
                raise BadTable(
                    "code_twice",
                    _("The code %(code)s stands for two names.") % {"code": unit.code},
                    field="code",
                    row=row.number,
                )
        except DubanError as refusal:
            refused.append((row, refusal))
    if refused:
        raise BadJurisdictions(refused)
    Jurisdiction.objects.bulk_create(
        units.values(),
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["name", "kind", "parent_code", "search", "loaded_at"],
    )
    detail = {"count": len(units)}
    audit.record(by=by, now=now, action="load_jurisdictions", subject_type="places", subject_id="codes", detail=detail)
    return len(units)


def _read_unit(row: Row, now: datetime) -> Jurisdiction:
    code = normalise_code(row.text("code"), row=row.number)
    name = row.text("name")
    if not name or len(name) > 100:
        raise BadTable("name_missing", _("A name has 1 to 100 characters."), field="name", row=row.number)
    kind = row.text("kind").lower() or kind_from_name(name, code)
    if kind not in KINDS:
        raise BadTable(
            "unknown_kind",
            _("“%(kind)s” is no kind; the kinds are %(kinds)s.") % {"kind": kind[:40], "kinds": ", ".join(KINDS)},
            field="kind",
            row=row.number,
        )
    parent = code[: max((length for length in LENGTHS if length < len(code)), default=0)]
    search = _search_text(name)
    return Jurisdiction(code=code, name=name, kind=kind, parent_code=parent, search=search, loaded_at=now)


def _search_text(name: str) -> str:
    """The name with its pinyin and initials: 漷县镇 huoxianzhen hxz."""
    return f"{name} {' '.join(spelled(name))}".lower()[:240]


@transaction.atomic
def load_layer(
    *,
    by: Actor,
    now: datetime,
    name: str,
    features: LayerFeatures,
    append: bool = False,
    as_of: date | None = None,
    schematic: bool = False,
    source: str = "",
) -> Layer:
    """Put the features in use as that layer, in place of the old ones or (`append`) after them.

    The file is written whole before the row names it, so a crash leaves the old layer in use.
    """
    old = Layer.objects.select_for_update().filter(pk=name).first()
    if append and old is not None:
        features = features.joined_to(read_layer(old.name, old.version))
        schematic = schematic or old.schematic
    layer = Layer(
        name=LayerName(name),
        version=write_layer(name, features),
        as_of=as_of or timezone.localdate(now),
        loaded_at=now,
        feature_count=len(features),
        schematic=schematic,
        source=source[:200],
    )
    layer.save()
    detail = {"features": len(features), "append": append, "version": layer.version}
    audit.record(by=by, now=now, action="load_layer", subject_type="layer", subject_id=name, detail=detail)
    if old is not None and old.version != layer.version:
        transaction.on_commit(partial(_remove_unused, old.name, old.version))
    return layer


def _remove_unused(name: str, version: str) -> None:
    """Delete a superseded file, unless somebody has put the same features back in use meanwhile."""
    if not Layer.objects.filter(pk=name, version=version).exists():
        layer_path(name, version).unlink(missing_ok=True)
