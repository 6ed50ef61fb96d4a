from pathlib import Path
from typing import Any

from duban.core import audit, clock
from duban.core.command import DubanCommand, read_file
from duban.outbreak.tracing import Wanted, cases_in, trace_file, trace_store


class Command(DubanCommand):
    help = "Find the contacts of cases, generation by generation: a row per contact."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--cases", type=Path, required=True, metavar="FILE.csv")
        parser.add_argument("--presences", required=True, metavar="FILE|store")
        parser.add_argument("--out", type=Path, required=True)
        parser.add_argument("--minutes", type=float, default=15.0, metavar="M", help="at one place, in all")
        parser.add_argument("--metres", type=float, default=0.0, metavar="R", help="0: at the same venue alone")
        parser.add_argument("--generations", type=int, default=1, metavar="N")
        parser.add_argument("--after-minutes", type=float, default=0.0, metavar="A", help="who came so shortly after")
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        cases, out, now = cases_in(read_file(options["cases"])), options["out"], clock.now()
        wanted = Wanted(options["minutes"], options["metres"], options["generations"], options["after_minutes"])
        if options["presences"] == "store":
            found = trace_store(cases, wanted, now=now, out=out)
            audit.record(
                by=audit.Console(),
                now=now,
                action="trace_contacts",
                subject_type="tracing",
                subject_id="console",
                detail={"cases": len(cases), "contacts": found.contacts},
            )
        else:
            found = trace_file(cases, Path(options["presences"]), wanted, now=now, out=out)
        rejected = sum(found.rejects.values())
        self.stderr.write(f"{found.rows} read = {found.accepted} usable + {rejected} rejected {found.rejects}")
        result = {
            "contacts": found.contacts,
            "people": list(found.people),
            "read": found.rows,
            "rejected": found.rejects,
            "scans": list(found.scans),
            "version": found.version,
            "inputs": found.inputs,
            "out": str(out),
        }
        return result if options["json"] else found.contacts
