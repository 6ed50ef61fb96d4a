"""A ledger with something in it and a bulletin made of it, by the real actions."""

from datetime import timedelta

from duban.access.models import Person
from duban.bulletin import actions as bulletin
from duban.bulletin.models import Issue
from duban.demo.builders import NOON, make_finding, make_person, make_photo
from duban.ledger import actions, recording

LATER = NOON + timedelta(hours=2)
TOWN = "110112106"


def fill_ledger(count: int = 3) -> Person:
    """Entries found, listed and assigned, `count` of each, all long overdue by today; returns the supervisor."""
    supervisor, inspector = make_person("boss", name="孙督办"), make_person("eyes", "inspector", name="王巡查")
    for seed in range(3 * count):
        finding = make_finding(seed, photos=(make_photo(seed, by=inspector),), responsible=TOWN)
        entry = recording.record_finding(by=inspector, now=NOON, finding=finding).entry
        if seed % 3:
            actions.list_entry(by=supervisor, now=LATER, entry_id=entry.id)
        if seed % 3 == 2:
            actions.assign_entry(by=supervisor, now=LATER, entry_id=entry.id, unit=TOWN)
    return supervisor


def publish(*, rectified: int = 1, new: int = 2, number: int = 192) -> Issue:
    """A published issue of that number with so many entries struck off and newly listed, their statements written."""
    supervisor, second = make_person("drafter", name="孙督办"), make_person("approver", "publisher", name="赵审核")
    handler = make_person("mender", "handler", TOWN)
    for seed in range(100, 100 + rectified + new):
        finding = make_finding(
            seed,
            photos=(make_photo(seed, by=supervisor),),
            responsible=TOWN,
            statement=f"漷县镇第{seed}村距环村路约27米",
        )
        entry = recording.record_finding(by=supervisor, now=NOON, finding=finding).entry
        common = {"now": LATER, "entry_id": entry.id}
        actions.list_entry(by=supervisor, **common)
        if seed < 100 + rectified:
            actions.assign_entry(by=supervisor, unit=TOWN, **common)
            actions.submit_remedy(by=handler, photos=[make_photo(seed + 500, by=handler)], **common)
            actions.close_entry(by=supervisor, **common)
    issue = bulletin.draft_issue(by=supervisor, now=LATER, at="110112", first=number, title="清除卫生死角 助力疫情防控")
    bulletin.approve_issue(by=second, now=LATER, issue_id=issue.pk)
    return bulletin.publish_issue(by=supervisor, now=LATER, issue_id=issue.pk)
