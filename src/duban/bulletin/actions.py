"""Every write of the bulletin. The series row is locked first, then the issue, so that nobody waits in a ring."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.bulletin import blocks as page_blocks
from duban.bulletin import checks, column
from duban.bulletin.models import DEFAULT_SERIES, LIVE, WAITING, Issue, IssueState, Item, Section, Series
from duban.bulletin.search import INDEX
from duban.bulletin.steps import BadIssue, WrongIssueState, lock_issue, plain_text, touch, write_down
from duban.core import audit, search
from duban.core.errors import DubanError, NotAllowed
from duban.core.files import write_whole
from duban.core.integrity import canonical, seal, sha256
from duban.engines.typeset import SCHEMA, SCHEMA_WITH_BLOCKS
from duban.ledger import actions as ledger_actions
from duban.ledger import history
from duban.ledger import queries as ledger
from duban.ledger.lifecycle import OPEN, State
from duban.patrol.models import Exposure
from duban.places import queries as places
from duban.places.codes import normalise_code

FITS = {Section.RECTIFIED: (State.CLOSED,), Section.NEW: OPEN}


@transaction.atomic
def draft_issue(
    *, by: Person, now: datetime, at: str = "", name: str = "", first: int | None = None, title: str = ""
) -> Issue:
    """Draft the next issue of the series `name` at `at` (default: where the person drafts): what was struck off and
    what stands, as far as no live issue of the series carries it.

    The person's own draft of that series, if one waits, is brought up to date instead of a second one being begun.
    `first` is the number of the very first issue, given when the series is made. Raises NotAllowed, BadIssue
    (`series_exists`, `bad_first_number`, `bad_text`).
    """
    scopes = rights.codes(by, "bulletin.draft")
    code = normalise_code(at, field="at") if at else (scopes[0] if scopes else "")
    rights.require(by, "bulletin.draft", code)
    series = _series(code, plain_text(name or DEFAULT_SERIES, "name", 60), first)
    waiting = series.issues.filter(state=IssueState.DRAFT, drafted_by=by.username, corrects=None).first()
    issue = waiting or Issue(
        series=series,
        title=plain_text(title or series.name, "title", 100),
        issuer=_issuer(series),
        drafted_by=by.username,
        created_at=now,
    )
    if waiting is None:
        issue.save(force_insert=True)
    else:
        if title:
            issue.title = plain_text(title, "title", 100)
        touch(issue, by)
    _bring_up_to_date(issue)
    column.bring_up_to_date(issue, now)
    write_down(issue, "draft_issue", by=by, now=now)
    return issue


@transaction.atomic
def begin_series(*, by: Person, now: datetime, at: str, name: str, first: int) -> Series:
    """Say with which number a series begins, as long as nothing of it is published (`series_exists`)."""
    rights.require(by, "bulletin.draft", at)
    series = _series(at, name, first)
    audit.record(
        by=by, now=now, action="begin_series", subject_type="series", subject_id=series.pk, detail={"first": first}
    )
    return series


def _series(code: str, name: str, first: int | None) -> Series:
    """The series, locked, made if new."""
    if first is not None and not 1 <= first <= 1_000_000:
        raise BadIssue("bad_first_number", _("The first number is a whole number from 1."), field="first")
    series, made = Series.objects.select_for_update().get_or_create(
        jurisdiction=code, name=name, defaults={"first_number": first or 1, "next_number": first or 1}
    )
    if first is not None and not made and first != series.first_number:
        if series.next_number != series.first_number:
            raise BadIssue(
                "series_exists",
                _("The series has begun with No. %(first)d; its first number stays.") % {"first": series.first_number},
                field="first",
            )
        series.first_number = series.next_number = first
        series.save()
    return series


def _issuer(series: Series) -> str:
    last = series.issues.filter(state=IssueState.PUBLISHED).order_by("-number").first()
    if last is not None:
        return last.issuer
    return settings.DUBAN_OFFICE or places.names([series.jurisdiction]).get(series.jurisdiction, series.jurisdiction)


def available(series: Series) -> dict[str, list[uuid.UUID]]:
    """Entry ids per section that no live issue of the series carries, in the order in which they are printed."""
    taken = Item.objects.filter(issue__series=series, issue__state__in=LIVE)
    found = {
        Section.RECTIFIED: ledger.rectified_in(series.jurisdiction),
        Section.NEW: ledger.standing_in(series.jurisdiction),
    }
    return {
        section: list(
            entries.exclude(pk__in=taken.filter(section=section).values("entry_id")).values_list("pk", flat=True)
        )
        for section, entries in found.items()
    }


def _bring_up_to_date(issue: Issue) -> None:
    """Let go of what fits its section no longer, and append what has become available."""
    unfit = [item.pk for item, _state in unfitting(issue)]
    issue.items.filter(pk__in=unfit).delete()
    for section, entry_ids in available(issue.series).items():
        _append(issue, section, entry_ids)


def _append(issue: Issue, section: str, entry_ids: Iterable[uuid.UUID]) -> None:
    start = issue.items.filter(section=section).count()
    Item.objects.bulk_create(
        [
            Item(
                issue=issue,
                entry_id=entry_id,
                section=section,
                position=start + index,
                reserved=None if issue.corrects_id else f"{issue.series_id}:{entry_id}:{section}",
            )
            for index, entry_id in enumerate(entry_ids)
        ],
        batch_size=500,
    )


def unfitting(issue: Issue) -> list[tuple[Item, str]]:
    """Items whose entry has moved on, so that it stands in the wrong section, with the state it is in now."""
    items = list(issue.items.all())
    states = ledger.states_of([item.entry_id for item in items])
    return [(item, states[item.entry_id]) for item in items if states[item.entry_id] not in FITS[Section(item.section)]]


@transaction.atomic
def edit_issue(
    *,
    by: Person,
    now: datetime,
    issue_id: uuid.UUID,
    title: str | None = None,
    intro: str | None = None,
    issuer: str | None = None,
    byline: str | None = None,
    items: Mapping[str, Sequence[uuid.UUID]] | None = None,
    exposed: Sequence[uuid.UUID] | None = None,
    blocks: Sequence[page_blocks.Words] | None = None,
    seen: int | None = None,
) -> Issue:
    """Change texts, which entries stand in which section in which order, which exposures in the column, and the words
    and the order of the blocks; what is None stays.

    An approved issue becomes a draft again: what was approved is what is published. Raises NotFound, NotAllowed,
    BadIssue (`bad_text`, `bad_item`), BadColumn (`bad_exposure`), BadBlock (`bad_block`, `bad_text`), Conflict
    (`issue_changed`, `wrong_issue_state`).
    """
    issue = lock_issue(issue_id, by=by, permission="bulletin.draft", states=WAITING, seen=seen)
    for field, text, limit in (
        ("title", title, 100),
        ("intro", intro, 4000),
        ("issuer", issuer, 100),
        ("byline", byline, 100),
    ):
        if text is not None:
            setattr(issue, field, plain_text(text, field, limit, empty=field in {"intro", "byline"}))
    if items is not None:
        _place_items(issue, items)
    if exposed is not None:
        column.place(issue, exposed, now)
    if blocks is not None:
        page_blocks.place(issue, blocks)
    issue.state, issue.approved_by = IssueState.DRAFT, ""
    touch(issue, by)
    write_down(issue, "edit_issue", by=by, now=now)
    return issue


def _place_items(issue: Issue, wanted: Mapping[str, Sequence[uuid.UUID]]) -> None:
    """Make the sections hold exactly these entries in this order."""
    free = available(issue.series)
    if issue.corrects is not None:
        # What was left out of a correction can be put back, although the issue that it corrects carries it.
        for section, entry_id in issue.corrects.items.values_list("section", "entry_id"):
            free[section].append(entry_id)
    for section, entry_ids in wanted.items():
        if section not in Section.values or len(set(entry_ids)) != len(entry_ids):
            raise BadIssue("bad_item", _("An entry stands once in a section that there is."), field="items")
        there = {item.entry_id: item for item in issue.items.filter(section=section)}
        strangers = set(entry_ids) - set(there) - set(free[section])
        if strangers:
            raise BadIssue(
                "bad_item",
                _("%(count)d entries are not to be had for this section.") % {"count": len(strangers)},
                field="items",
            )
        issue.items.filter(section=section).exclude(entry_id__in=entry_ids).delete()
        _append(issue, section, [entry_id for entry_id in entry_ids if entry_id not in there])
        order = {entry_id: position for position, entry_id in enumerate(entry_ids)}
        moved = list(issue.items.filter(section=section))
        for item in moved:
            item.position = order[item.entry_id]
        Item.objects.bulk_update(moved, ["position"], batch_size=500)


@transaction.atomic
def approve_issue(*, by: Person, now: datetime, issue_id: uuid.UUID, seen: int | None = None) -> Issue:
    """draft -> approved by a second person: neither who drafted it nor who changed it (`own_bulletin`)."""
    issue = lock_issue(issue_id, by=by, permission="bulletin.approve", states=(IssueState.DRAFT,), seen=seen)
    if by.username in {issue.drafted_by, *issue.edited_by}:
        raise NotAllowed("own_bulletin", _("Nobody approves their own bulletin; ask a second person."))
    if not rights.may(
        by, "bulletin.approve", issue.series.jurisdiction, apart_from={issue.drafted_by, *issue.edited_by}
    ):
        raise NotAllowed("own_bulletin", _("You stand in for who wrote it; ask a person with a right of their own."))
    _check_printable(issue, now)
    issue.state, issue.approved_by = IssueState.APPROVED, by.username
    issue.version += 1
    issue.save()
    write_down(issue, "approve_issue", by=by, now=now)
    return issue


@transaction.atomic
def publish_issue(*, by: Person, now: datetime, issue_id: uuid.UUID, seen: int | None = None) -> Issue:
    """approved -> published under the series' next number, frozen with its hash; findings in it go on the ledger.

    Raises NotAllowed (`own_approval`), BadIssue (`statement_missing`), Conflict (`entry_changed_state`,
    `exposure_over`, `wrong_issue_state`, `issue_changed`).
    """
    issue = lock_issue(issue_id, by=by, permission="bulletin.publish", states=(IssueState.APPROVED,), seen=seen)
    if by.username == issue.approved_by:
        raise NotAllowed("own_approval", _("Who approved it does not publish it; that takes two."))
    if not rights.may(by, "bulletin.publish", issue.series.jurisdiction, apart_from={issue.approved_by}):
        raise NotAllowed("own_approval", _("You stand in for who approved it; ask a person with a right of their own."))
    # The checkpoint's row is locked before any entry, in the order in which every publication takes them.
    checkpoint = history.seal_heads(now=now)
    # Held until it is out, so that nothing is withdrawn while it goes to print.
    list(Exposure.objects.filter(pk__in=column.order_of(issue)).select_for_update().order_by("pk").values_list("pk"))
    _check_printable(issue, now)
    items = list(issue.items.all())
    states = ledger.states_of([item.entry_id for item in items])
    for item in sorted(items, key=lambda item: item.entry_id):
        if states[item.entry_id] == State.FOUND:
            ledger_actions.list_entry(by=by, now=now, entry_id=item.entry_id)
    series = issue.series
    last = series.issues.filter(state=IssueState.PUBLISHED).order_by("-number").first()
    issue.number, issue.previous = series.next_number, last.hash if last else ""
    issue.state, issue.published_by, issue.published_at = IssueState.PUBLISHED, by.username, now
    frozen = canonical(document_of(issue, items, checkpoint=checkpoint))
    issue.document, issue.hash = frozen.decode(), sha256(frozen)
    issue.seal = seal(issue.record_digest())
    issue.version += 1
    issue.save()
    search.write(INDEX, [issue])
    series.next_number += 1
    series.save()
    transaction.on_commit(partial(write_whole, frozen_copy(issue.hash), frozen), robust=True)
    write_down(issue, "publish_issue", by=by, now=now, number=issue.number, hash=issue.hash)
    return issue


def frozen_copy(digest: str) -> Path:
    """Where a published document lies outside the database, so that an issue taken out of the database shows."""
    return settings.DUBAN_DATA / "bulletins" / f"{digest}.json"


def document_of(issue: Issue, items: Sequence[Item], *, checkpoint: str = "") -> dict[str, Any]:
    """The bulletin as `duban.bulletin/1`, or /2 where it has blocks: everything that is printed, and nothing else."""
    entries = ledger.snapshots([item.entry_id for item in items])
    code = issue.series.jurisdiction
    sections = []
    for section in Section:
        held = [entries[item.entry_id] for item in items if item.section == section]
        shown = [{key: value for key, value in entry.items() if key != "state"} for entry in held]
        sections.append({"key": str(section), "entries": shown})
    exposures = column.printed(issue)
    moment = timezone.localtime(issue.published_at) if issue.published_at else timezone.localtime(issue.created_at)
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "series": {
            "name": issue.series.name,
            "jurisdiction": {"code": code, "name": places.names([code]).get(code, code)},
        },
        "number": issue.number or issue.series.next_number,
        "corrects": issue.corrects.number if issue.corrects else None,
        "title": issue.title,
        "intro": issue.intro,
        "issuer": issue.issuer,
        "byline": issue.byline,
        "published_at": moment.isoformat(timespec="seconds"),
        "schematic": any(layer.schematic for layer in places.layers_in_use()),
        "sections": sections,
        "counts": {section["key"]: len(section["entries"]) for section in sections},
        "checkpoint": checkpoint,
        "previous": issue.previous,
    }
    if exposures:
        document["exposures"] = exposures
        document["counts"]["exposed"] = len(exposures)
    if blocks := page_blocks.printed(issue, document["counts"], now=moment):
        document["schema"] = SCHEMA_WITH_BLOCKS
        document["blocks"] = blocks
    return document


@transaction.atomic
def discard_issue(*, by: Person, now: datetime, issue_id: uuid.UUID, seen: int | None = None) -> Issue:
    """A draft that will not be published lets go of its entries; it stays readable."""
    issue = lock_issue(issue_id, by=by, permission="bulletin.draft", states=WAITING, seen=seen)
    issue.items.all().delete()
    issue.exposed.all().delete()
    issue.state = IssueState.DISCARDED
    touch(issue, by)
    write_down(issue, "discard_issue", by=by, now=now)
    return issue


@transaction.atomic
def correct_issue(*, by: Person, now: datetime, issue_id: uuid.UUID, seen: int | None = None) -> Issue:
    """A new draft with the content of a published issue, which it will correct under a number of its own."""
    old = lock_issue(issue_id, by=by, permission="bulletin.draft", states=(IssueState.PUBLISHED,), seen=seen)
    issue = Issue(
        series=old.series,
        title=old.title,
        intro=old.intro,
        issuer=old.issuer,
        byline=old.byline,
        corrects=old,
        drafted_by=by.username,
        created_at=now,
    )
    issue.save(force_insert=True)
    for section in Section:
        kept = old.items.filter(section=section).order_by("position").values_list("entry_id", flat=True)
        _append(issue, section, kept)
    column.append(issue, column.order_of(old))
    page_blocks.copy(old, issue)
    write_down(issue, "correct_issue", by=by, now=now)
    return issue


def blockers(
    issue: Issue, now: datetime, *, thorough: bool = False, told: Sequence[page_blocks.Told] | None = None
) -> list[DubanError]:
    """What keeps the issue from being approved and published, each naming the entries, venues or figures at fault.

    `thorough` also opens what is sealed to see whether anybody is named, which takes too long for each look at a page.
    `told` are its blocks with what the records say, where they are at hand.
    """
    found: list[DubanError] = []
    numbers = issue.items.values_list("entry__number", flat=True)
    if unplaced := list(numbers.filter(entry__statement="")):
        found.append(
            BadIssue(
                "statement_missing",
                _("No location statement yet: %(numbers)s. Write it on the entry, or take the entry out.")
                % {"numbers": _listed(unplaced)},
                field="items",
            )
        )
    # A correction reprints what was so then; the entries have moved on since.
    moved = [] if issue.corrects_id else [item.pk for item, _state in unfitting(issue)]
    if moved:
        found.append(
            WrongIssueState(
                "entry_changed_state",
                _("Moved on since the draft: %(numbers)s. Bring the draft up to date.")
                % {"numbers": _listed([str(number) for number in numbers.filter(pk__in=moved)])},
                field="items",
            )
        )
    if over := column.over(issue, now):
        found.append(
            WrongIssueState(
                "exposure_over",
                _("Withdrawn, corrected or past its last day: %(venues)s. Take it out of the column.")
                % {"venues": _listed([exposure.venue_name for exposure in over])},
                field="exposed",
            )
        )
    return [*found, *checks.wrong_in(issue, now, thorough=thorough, told=told)]


def _check_printable(issue: Issue, now: datetime) -> None:
    for refusal in blockers(issue, now, thorough=True):
        raise refusal


def _listed(numbers: Sequence[str]) -> str:
    return ", ".join(numbers[:8]) + (f" … ({len(numbers)})" if len(numbers) > 8 else "")
