"""What two_towns.py holds of decisions: one of each of its things, made by a town's supervisor."""

from datetime import datetime, timedelta

from duban.access.models import Person
from duban.decisions import actions, papers
from duban.decisions.actions import Attendee, Unit
from duban.ledger import mandates
from duban.ledger.models import Entry


def furnish(by: Person, town: str, words: str, now: datetime) -> tuple[dict[str, str], set[str]]:
    """Keys by the part of an address they stand for, and what betrays them.

    A body that met, with its minutes and a paper, and what it decided: carried out by an entry of the town.
    """
    body = actions.make_body(by=by, now=now, kind="committee", name=f"{words} 工作组", jurisdiction=town)
    meeting = actions.plan_meeting(
        by=by, now=now, body_id=body.pk, at=now - timedelta(days=2), title=f"{words} 调度会", agenda=[f"{words} 议题"]
    )
    people = [Attendee("chair", f"{words} 主持", "组长")]
    actions.hold_meeting(by=by, now=now, meeting_id=meeting.pk, attendance=people)
    actions.write_minutes(by=by, now=now, meeting_id=meeting.pk, minutes=f"{words} 纪要")
    paper = papers.add_paper(
        by=by,
        now=now,
        meeting_id=meeting.pk,
        title=f"{words} 材料",
        name="a.png",
        data=b"\x89PNG\r\n\x1a\n" + words.encode(),
    )
    decision = actions.record_decision(
        by=by, now=now, meeting_id=meeting.pk, text=f"{words} 立即整改", jurisdiction=town,
        lead=Unit(f"{words} 办", town), due_on=now.date() - timedelta(days=1),
    )  # fmt: skip
    entry = Entry.objects.filter(jurisdiction=town).order_by("number")[0]
    mandates.link_entry(by=by, now=now, entry_id=entry.pk, decision_id=decision.pk)
    keys = {
        "<body_id>": str(body.pk),
        "<meeting_id>": str(meeting.pk),
        "<meeting_paper_id>": str(paper.pk),
        "<decision_id>": str(decision.pk),
    }
    return keys, {str(body.pk), str(meeting.pk), str(decision.pk)}
