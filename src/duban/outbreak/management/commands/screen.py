from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from django.conf import settings
from django.utils import timezone

from duban.core import audit, clock
from duban.core.command import DubanCommand, read_file
from duban.engines.screen import ARROW, ENGINES, Areas, Screened, read_areas, screen
from duban.outbreak.areas import published
from duban.outbreak.screening import BadScreening, areas_of, refusing, screen_store


class Command(DubanCommand):
    help = "Find who was in the risk areas: a row per person and area in OUT, a row per person in OUT_people."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--areas", required=True, metavar="FILE|all", help="GeoJSON, or all that are declared")
        parser.add_argument("--presences", required=True, metavar="FILE|store")
        parser.add_argument("--out", type=Path, required=True)
        parser.add_argument("--engine", choices=ENGINES, default=ARROW)
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        areas, out, engine, now = _areas(options["areas"]), options["out"], options["engine"], clock.now()
        people_out = out.with_name(f"{out.stem}_people.parquet")
        with refusing():
            if options["presences"] != "store":
                found = screen(
                    Path(options["presences"]),
                    areas,
                    now=now,
                    out=out,
                    engine=engine,
                    master=settings.DUBAN_SPARK_MASTER,
                )
            else:
                found = screen_store(areas, now=now, engine=engine)
                self._note(found)
                for table, path in ((found.per_area, out), (found.per_person, people_out)):
                    draft = path.with_name(f"{path.name}.part")
                    pq.write_table(table, draft, compression="zstd")
                    draft.replace(path)
        self.stderr.write(
            f"{found.rows} read = {found.accepted} usable + {sum(found.rejects.values())} rejected {found.rejects}"
        )
        result = {
            "people": found.people,
            "rows": found.exposures,
            "areas": len(areas),
            "read": found.rows,
            "held": found.rows_held,
            "rejected": found.rejects,
            "engine": found.engine,
            "version": found.version,
            "inputs": found.inputs,
            "out": str(out),
            "people_out": str(people_out),
        }
        return result if options["json"] else found.people

    @staticmethod
    def _note(found: Screened) -> None:
        detail = {"people": found.people, "areas": found.inputs["areas"]}
        audit.record(
            by=audit.Console(),
            now=clock.now(),
            action="screen_store",
            subject_type="screening",
            subject_id="console",
            detail=detail,
        )


def _areas(wanted: str) -> Areas:
    """The areas of the file, or every area that is declared and not lifted, by its published id where that is its own.

    Raises BadScreening (`no_areas` and the engine's codes).
    """
    if wanted != "all":
        with refusing():
            return read_areas(read_file(Path(wanted)), timezone.get_default_timezone())
    declared = list(published().select_related("area"))
    if not declared:
        raise BadScreening("no_areas", "No risk area is declared.")
    called = Counter(one.area.key for one in declared)
    return areas_of(declared, names={one.pk: one.area.key for one in declared if called[one.area.key] == 1})
