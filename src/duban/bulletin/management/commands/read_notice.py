from pathlib import Path
from typing import Any

from duban.bulletin.notices import read_file as read_notice_file
from duban.core.command import DubanCommand, read_file


class Command(DubanCommand):
    help = "Read a report (TXT, DOCX, PDF with text, HTML): places, findings, decisions, risk areas and figures in it."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        path: Path = options["file"]
        notice = read_notice_file(read_file(path), path.name)
        if options["json"]:
            return notice.to_dict()
        for article in notice.articles:
            self.stdout.write(f"{article.title or 'untitled'} ({article.kind})")
            for draft in article.drafts:
                unit = (
                    f"{draft.jurisdiction.code} {draft.jurisdiction.name}" if draft.jurisdiction else "place not told"
                )
                words = " ".join(draft.text.split())
                self.stdout.write(f"  {draft.kind} {draft.confidence:.2f} [{unit}] {words}")
            for check in article.checks:
                self.stdout.write(f"  said {check.said}, found {check.found}{'' if check.ok else ' !'}: {check.text}")
        return len(notice.drafts)
