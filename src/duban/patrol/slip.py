"""The slip of a visit: what failed, by when it is to be mended, who signed, and the code that leads to the venue."""

import io
from datetime import datetime
from typing import Any

import segno
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from duban.engines.typeset import render_slip
from duban.patrol.checklists import title_of, word_of
from duban.patrol.models import Answer, Failure, Recheck, Result, Visit
from duban.patrol.queries import open_failures_of
from duban.patrol.signing import SignedAs, open_signature
from duban.patrol.visit_shown import value_text
from duban.patrol.visiting import choices_of, item_of
from duban.places import queries as places
from duban.venues.stickers import sticker_url


def slip_of(visit: Visit, language: str) -> bytes:
    """The slip as PDF, in zh-hans or en; the same visit gives the same bytes until something of it is mended."""
    with override(language):
        page = _page(visit)
    printed = visit.finished_at or visit.visited_at
    drawn = open_signature(visit.signature) if visit.signature else None
    return render_slip(page, qr=_qr(visit), signature=drawn, printed=printed)


def _qr(visit: Visit) -> bytes:
    file = io.BytesIO()
    code = segno.make(sticker_url(visit.venue), error="q", micro=False)
    code.save(file, kind="svg", border=2, scale=4, dark="#000", light="#fff", xmldecl=False)
    return file.getvalue()


def _moment(at: datetime) -> str:
    return formats.date_format(timezone.localtime(at), "Y-m-d H:i")


def _page(visit: Visit) -> dict[str, Any]:
    venue = visit.venue
    answers = list(Answer.objects.filter(visit=visit).select_related("item").order_by("item__position", "key"))
    failed = [answer for answer in answers if answer.result == Result.FAIL]
    town = places.names([visit.town]).get(visit.town, visit.town)
    where = venue.address or venue.statement
    list_title = title_of(visit.version.checklist) if visit.version else _("Re-check of what stands open")
    facts = [
        (_("Venue"), f"{venue.name} ({venue.kind})"),
        (_("Place"), " ".join(part for part in (town, where) if part)),
        (_("Visited"), _moment(visit.visited_at)),
        (_("Check-list"), list_title),
    ]
    return {
        "lang": "en" if _is_english() else "zh",
        "title": _("Inspection slip"),
        "subtitle": f"{_('Visit')} {str(visit.pk)[:8]} · {_moment(visit.visited_at)}",
        "facts": facts,
        "verdict": ngettext("%(n)s item failed", "%(n)s items failed", len(failed)) % {"n": len(failed)}
        if failed
        else _("Nothing failed"),
        "failed_title": _("To be mended"),
        "headings": ["", _("What failed"), _("Mend by")],
        "failed": _failed(visit, failed),
        "rest_title": _("Looked at besides"),
        "rest": _rest(visit, answers),
        "note": [_("Note"), visit.note] if visit.note else [],
        "sign": [
            {
                "label": _("For the venue"),
                "drawn": True,
                "words": _signed_words(visit),
                "who": str(SignedAs(visit.signed_as).label) if visit.signed_as else "",
            },
            {
                "label": _("Inspector"),
                "drawn": False,
                "words": str(visit.inspector.get("name") or visit.username),
                "who": _moment(visit.finished_at or visit.visited_at),
            },
        ],
        "hand": _("The town has been told of what failed.") if visit.notices.exists() else "",
        "scan": _("Scan: this venue"),
        "page": _("Page {page} of {pages}"),
    }


def _is_english() -> bool:
    return word_of("zh", "en") == "en"


def _signed_words(visit: Visit) -> str:
    if visit.signed_as == SignedAs.REFUSED:
        return _("refused to sign")
    return "" if visit.signature else _("not signed")


def _failed(visit: Visit, failed: list[Answer]) -> list[dict[str, str]]:
    due = {failure.key: failure for failure in open_failures_of(visit.venue)}
    lines = []
    for number, answer in enumerate(failed, start=1):
        failure = due.get(answer.key)
        item = answer.item or item_of(failure or Failure(key=answer.key, opened_by=answer))
        said = word_of(item.wording, item.wording_en) or word_of(item.label, item.label_en)
        by = failure.mend_by if failure else None
        lines.append(
            {
                "number": str(number),
                "label": said,
                "basis": item.basis,
                "note": answer.note,
                "mend": _moment(by) if by else _("at once"),
            }
        )
    return lines


def _rest(visit: Visit, answers: list[Answer]) -> list[tuple[str, str]]:
    choices = {choice.name: word_of(choice.label, choice.label_en) for choice in choices_of(visit)}
    lines = []
    for answer in answers:
        if answer.result == Result.FAIL:
            continue
        item = answer.item or item_of(Failure(key=answer.key, opened_by=answer))
        said = str(Result(answer.result).label) if answer.result else value_text(answer, choices)
        if said:
            lines.append((word_of(item.label, item.label_en), said))
    answered = {answer.key for answer in answers}
    for look in Recheck.objects.filter(visit=visit).select_related("failure__opened_by__item"):
        if look.failure.key not in answered:
            item = item_of(look.failure)
            lines.append((word_of(item.label, item.label_en), str(Result.NOT_INSPECTED.label)))
    return lines
