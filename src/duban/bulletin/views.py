"""The desk of those who make bulletins, and the page itself, editable in place."""

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import date
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.queries import names_of_people
from duban.bulletin import actions, blocks, column, compose, editor, forms, layout, pictures, public, queries
from duban.bulletin.blocks import BadBlock
from duban.bulletin.facts.picture import standing
from duban.bulletin.models import ONCE, WAITING, BlockKind, Issue, IssueState, Picture
from duban.core import clock
from duban.core.errors import DubanError, NotAllowed
from duban.evidence.responses import photo_response
from duban.ledger.lifecycle import State
from duban.places import queries as places

PER_PAGE = 20
DRAFTS_SHOWN = 100
"""So many drafts lie on the desk, the newest; how many older ones wait is said."""
MOST_PHOTO = 30 << 20
TEXTS_OF_ISSUE = ("title", "intro", "issuer", "byline")
View = Callable[..., HttpResponseBase]


def person_who(permission: str) -> Callable[[View], View]:
    """Only for people logged in who hold the permission somewhere; others are told that they do not."""

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
            if not rights.codes(request.user, permission):  # type: ignore[arg-type]
                raise NotAllowed("not_allowed", _("None of your roles opens this page."))
            return view(request, *args, **options)

        return checked

    return decorate


# ---- the desk -------------------------------------------------------------------------------------------------------


@require_safe
@person_who("bulletin.see")
def desk(request: HttpRequest) -> HttpResponse:
    """Drafts that wait, with what blocks them, and all that was published."""
    return _desk(request, forms.NewDraftForm(places=draft_places(request.user)))  # type: ignore[arg-type]


def _desk(request: HttpRequest, form: forms.NewDraftForm, status: int = 200) -> HttpResponse:
    person: Any = request.user
    seen = queries.issues_for(person)
    waiting_now = seen.filter(state__in=WAITING)
    drafts = list(waiting_now[:DRAFTS_SHOWN])
    published = seen.filter(state=IssueState.PUBLISHED).order_by("-published_at", "-number")
    page = Paginator(published, PER_PAGE).get_page(request.GET.get("page"))
    names = names_of_people([issue.drafted_by for issue in drafts] + [issue.published_by for issue in page.object_list])
    waiting = [(each, names[each.issue.drafted_by]) for each in editor.waiting_on_desk(person, drafts)]
    context = {
        "waiting": sorted(waiting, key=lambda pair: not pair[0].for_me),
        "older": waiting_now.count() - len(drafts) if len(drafts) == DRAFTS_SHOWN else 0,
        "page": page,
        "published": [(issue, names[issue.published_by]) for issue in page.object_list],
        "may_draft": bool(rights.codes(person, "bulletin.draft")),
        "form": form,
    }
    return render(request, "bulletin/desk.html", context, status=status)


def draft_places(person: Person) -> list[tuple[str, str]]:
    """(code, name) of the counties and towns whose bulletin the person may draft, the first the usual one."""
    scopes = rights.codes(person, "bulletin.draft")
    names = places.names(scopes)
    choices = {code: names.get(code, code) for code in scopes}
    return list((choices | {unit.code: unit.name for unit in places.counties_and_towns(scopes)}).items())


@require_POST
@person_who("bulletin.draft")
def new(request: HttpRequest) -> HttpResponse:
    """Begin the next issue, or bring one's own waiting draft of that series up to date."""
    person: Any = request.user
    form = forms.NewDraftForm(request.POST, places=draft_places(person))
    if not form.is_valid():
        return _desk(request, form, status=400)
    try:
        issue = actions.draft_issue(
            by=person,
            now=clock.now(),
            at=form.cleaned_data["at"],
            name=form.cleaned_data["name"],
            first=form.cleaned_data["first"],
        )
    except DubanError as refusal:
        forms.refuse(form, refusal)
        return _desk(request, form, status=refusal.status)
    return redirect("bulletin:draft", issue.pk)


# ---- the editor -----------------------------------------------------------------------------------------------------


@require_safe
@person_who("bulletin.see")
def draft(request: HttpRequest, issue_id: uuid.UUID) -> HttpResponse:
    """A waiting issue as the page itself, to be written on; a published or discarded one as it stands."""
    issue = queries.issue_for(request.user, issue_id)  # type: ignore[arg-type]
    if issue.state in WAITING:
        return _editor(request, issue)
    return _finished(request, issue)


def _editor(
    request: HttpRequest,
    issue: Issue,
    form: forms.IssueForm | None = None,
    refusal: DubanError | None = None,
    status: int = 200,
) -> HttpResponse:
    """The editor; with a form, what was typed stays in its fields although it was not kept."""
    person: Any = request.user
    now = clock.now()
    told = blocks.told(issue, editor.counts_of(issue), now)
    wrong = editor.wrong_with(issue, now, told)
    order = editor.stored_order(issue)
    exposed = column.order_of(issue)
    stored: dict[str, str] = {name: getattr(issue, name) for name in TEXTS_OF_ISSUE}
    texts, typed, at_blocks = stored, None, {}
    if form is not None:
        texts = {name: form.typed(name, text) for name, text in stored.items()}
        order = {key: form.cleaned_data.get(key, order[key]) for key in order}
        exposed = form.cleaned_data.get("exposed", exposed)
        typed = editor.typed_over(form.cleaned_data.get("blocks", []), told, form.typed)
        at_blocks = {name: str(found[0]) for name, found in form.errors.items() if "-" in name}
    parts = editor.parts_of(issue, order)
    counts = {part.key: len(part.rows) for part in parts}
    findings = sum(row.state == State.FOUND for part in parts for row in part.rows)
    shown = editor.column_of(issue, exposed, now)
    steps = editor.steps_for(person, issue, wrong, findings)
    if form is not None:
        told = blocks.told(issue, counts, now)
    rows = editor.blocks_of(told, wrong, typed, at_blocks)
    context = {
        "blocks": rows,
        "block_ids": ",".join(row.id for row in rows),
        "figures": editor.figures_of(rows),
        "lost": editor.lost_words(typed, told) if typed else [],
        "was": json.dumps(editor.digests_of(stored, told)),
        "kinds": [(kind.value, kind.label) for kind in BlockKind if kind not in ONCE],
        "today": timezone.localtime(now).date(),
        "issue": issue,
        "texts": texts,
        "stored": {name: text for name, text in stored.items() if text != texts[name]} if form is not None else {},
        "errors": form.errors if form is not None else {},
        "refusal": refusal,
        "unsaved": form is not None,
        "parts": parts,
        "column": shown,
        "column_shown": bool(shown.rows or shown.left),
        "counts": counts,
        "wrong": wrong,
        "disagreements": editor.disagreements(f"{texts['title']}\n{texts['intro']}", counts),
        "steps": steps,
        "editable": rights.may(person, "bulletin.draft", issue.series.jurisdiction),
        "may_approve": editor.who_may_approve(issue) if issue.state == IssueState.DRAFT else [],
        "number": issue.series.next_number,
        "names": names_of(issue),
        "place": places.names([issue.series.jurisdiction]).get(issue.series.jurisdiction, ""),
        "style": public.style_digest(),
    }
    return render(request, "bulletin/draft.html", context, status=status)


def names_of(issue: Issue) -> dict[str, str]:
    """Who did what to the issue, as people are called."""
    users = {"drafted_by": issue.drafted_by, "approved_by": issue.approved_by, "published_by": issue.published_by}
    names = names_of_people(users.values())
    return {key: names[user] for key, user in users.items()}


def _finished(request: HttpRequest, issue: Issue) -> HttpResponse:
    person: Any = request.user
    is_published = issue.state == IssueState.PUBLISHED
    language = public.language_now()
    context = {
        "issue": issue,
        "steps": editor.steps_for(person, issue, [], 0),
        "names": names_of(issue),
        "corrections": list(issue.corrections.filter(state=IssueState.PUBLISHED).defer("document").order_by("number")),
        "article": public.article_of(queries.document(issue), language) if is_published else "",
        "style": public.style_digest(),
    }
    return render(request, "bulletin/finished.html", context)


@require_safe
@person_who("bulletin.see")
def draft_photo(request: HttpRequest, issue_id: uuid.UUID, sha256: str) -> HttpResponseBase:
    """The public copy of a photo that a block of this issue shows; else there is none."""
    issue = queries.issue_for(request.user, issue_id)  # type: ignore[arg-type]
    if not blocks.shows_photo(issue, sha256, clock.now()):
        raise Http404(sha256)
    return photo_response(request, sha256, "public", shared=False)


@require_safe
@person_who("bulletin.see")
def preview(request: HttpRequest, issue_id: uuid.UUID) -> HttpResponse:
    """The draft as it would be printed now, under the number it would get."""
    issue = queries.issue_for(request.user, issue_id)  # type: ignore[arg-type]
    if issue.state not in WAITING:
        return redirect("bulletin:draft", issue.pk)
    language = public.language_now()
    document = actions.document_of(issue, list(issue.items.all()))
    is_newspaper = request.GET.get("as") == "newspaper"
    context = {
        "issue": issue,
        "article": (public.newspaper_of if is_newspaper else public.article_of)(
            document, language, photo_url=photo_on_desk(issue, document)
        ),
        "style": public.newspaper_digest() if is_newspaper else public.style_digest(),
        "is_newspaper": is_newspaper,
    }
    return render(request, "bulletin/preview.html", context)


def photo_on_desk(issue: Issue, document: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], str]:
    """Addresses of the draft's photos: those of entries are the ledger's, those of blocks the draft's own."""
    own = {photo["sha256"] for block in document.get("blocks", []) for photo in block["photos"]}

    def address(photo: Mapping[str, Any]) -> str:
        if photo["sha256"] in own:
            return reverse("bulletin:draft_photo", args=[issue.pk, photo["sha256"]])
        return staff_photo(photo)

    return address


def staff_photo(photo: Mapping[str, Any]) -> str:
    """The address of a photo for those who may see its entry."""
    return reverse("ledger:photo", args=[photo["sha256"], "public"])


# ---- steps ----------------------------------------------------------------------------------------------------------


@require_POST
@person_who("bulletin.see")
def take_step(request: HttpRequest, issue_id: uuid.UUID, step: str) -> HttpResponse:
    """Save, bring up to date, approve, publish, discard or correct."""
    issue = queries.issue_for(request.user, issue_id)  # type: ignore[arg-type]
    if step == "edit":
        return _save(request, issue)
    take = STEPS.get(step)
    if take is None:
        raise Http404(step)
    form = forms.StepForm(request.POST)
    if not form.is_valid():
        raise DubanError("bad_version", forms.UNSEEN)
    try:
        done, words = take(request.user, issue, form.cleaned_data["seen"])
    except DubanError as refusal:
        issue = queries.issue_for(request.user, issue_id)  # type: ignore[arg-type]
        if issue.state not in WAITING:
            messages.error(request, str(refusal.message))
            return redirect("bulletin:draft", issue.pk)
        return _editor(request, issue, refusal=refusal, status=refusal.status)
    messages.success(request, words)
    return redirect("bulletin:draft", done.pk)


def _save(request: HttpRequest, issue: Issue) -> HttpResponse:
    form = forms.IssueForm(request.POST)
    if not form.is_valid():
        return _editor(request, issue, form, status=400)
    typed, order = form.cleaned_data, form.order()
    exposed, on_page = order.pop("exposed"), order.pop("blocks")
    try:
        actions.edit_issue(
            by=request.user,  # type: ignore[arg-type]
            now=clock.now(),
            issue_id=issue.pk,
            title=typed["title"],
            intro=typed["intro"],
            issuer=typed["issuer"],
            byline=typed["byline"],
            items=order,
            exposed=exposed if "exposed" in request.POST else None,
            blocks=[form.words_of(one) for one in on_page] if "blocks" in request.POST else None,
            seen=typed["seen"],
        )
    except DubanError as refusal:
        # Seen as it is now, with what was typed still in the fields.
        issue = queries.issue_for(request.user, issue.pk)  # type: ignore[arg-type]
        if issue.state not in WAITING:
            return _lost(request, issue, form, refusal)
        if isinstance(refusal, BadBlock) and "-" in (refusal.field or ""):
            form.errors[str(refusal.field)] = form.error_class([str(refusal.message)])
            return _editor(request, issue, form, status=refusal.status)
        if refusal.field in form.fields:
            forms.refuse(form, refusal)
            return _editor(request, issue, form, status=refusal.status)
        return _editor(request, issue, form, refusal, status=refusal.status)
    messages.success(request, _("Saved."))
    where = ""
    if typed["do"]:
        where = f"#{'block' if typed['do'][1] == 'blocks' else 'row'}-{typed['do'][2]}"
    return redirect(reverse("bulletin:draft", args=[issue.pk]) + where)


@require_POST
@person_who("bulletin.draft")
def add_block(request: HttpRequest, issue_id: uuid.UUID) -> HttpResponse:
    """A block more at the end of the page, or with the kind left empty all that the records give for the day."""
    issue = queries.issue_for(request.user, issue_id)  # type: ignore[arg-type]
    form = forms.BlockForm(request.POST, request.FILES)
    try:
        if not form.is_valid():
            field, found = next(iter(form.errors.items()))
            raise BadBlock("bad_version" if field == "seen" else "bad_day", str(found[0]), field=field)
        if form.cleaned_data["seen"] is None:
            raise BadBlock("bad_version", forms.UNSEEN)
        step: dict[str, Any] = {
            "by": request.user, "now": clock.now(), "issue_id": issue.pk, "day": form.cleaned_data["day"],
            "seen": form.cleaned_data["seen"],
        }  # fmt: skip
        if not form.cleaned_data["kind"]:
            layout.lay_out_page(**step)
            messages.success(
                request, _("Laid out from the records; empty texts follow them, and what you write stays.")
            )
            return redirect("bulletin:draft", issue.pk)
        photo = form.cleaned_data["photo"]
        made = layout.add_block(kind=form.cleaned_data["kind"], photo=_read_photo(photo) if photo else None, **step)
    except DubanError as refusal:
        issue = queries.issue_for(request.user, issue_id)  # type: ignore[arg-type]
        if issue.state not in WAITING:
            messages.error(request, str(refusal.message))
            return redirect("bulletin:draft", issue.pk)
        return _editor(request, issue, refusal=refusal, status=refusal.status)
    messages.success(request, _("Added at the end of the page."))
    return redirect(reverse("bulletin:draft", args=[issue.pk]) + f"#block-{made.pk}")


# ---- the page of a day ----------------------------------------------------------------------------------------------


@require_safe
@person_who("bulletin.see")
def page_of_day(request: HttpRequest) -> HttpResponse:
    """The newspaper page that the records give for a day: to be looked at, or as a file with ?as=pdf."""
    form = forms.DayForm(request.GET)
    if not form.is_valid():
        refusal = BadBlock("bad_day", str(form.errors["day"][0]), field="day")
        return _page_of_day(request, _today(), refusal=refusal, status=400)
    day = form.cleaned_data["day"] or _today()
    if request.GET.get("as") == "pdf":
        try:
            return _page_as_pdf(request, day)
        except DubanError as refusal:
            return _page_of_day(request, day, refusal=refusal)
    return _page_of_day(request, day)


def _today() -> date:
    return timezone.localtime(clock.now()).date()


def _area(request: HttpRequest) -> str:
    """Whose page a person sees: that of the first code where they see bulletins."""
    return rights.codes(request.user, "bulletin.see")[0]  # type: ignore[arg-type]


def _page_as_pdf(request: HttpRequest, day: date) -> HttpResponse:
    language = public.language_now()
    document = compose.document_of_day(_area(request), day, clock.now())
    response = HttpResponse(compose.render(document, "pdf", language), content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="page-{day.isoformat()}-{language}.pdf"'
    return response


def _page_of_day(
    request: HttpRequest,
    day: date,
    *,
    form: forms.PictureForm | None = None,
    refusal: DubanError | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page of the day with its pictures; with a form, what was typed of one that was not filed."""
    area = _area(request)
    context: dict[str, Any] = {
        "style": public.newspaper_digest(),
        "day": day,
        "refusal": refusal,
        "pictures": standing(area, day),
        "may_file": rights.may(request.user, "bulletin.draft", area),  # type: ignore[arg-type]
        "form": form or forms.PictureForm(),
    }
    if refusal is None:
        try:
            document = compose.document_of_day(area, day, clock.now())
            context["article"] = public.newspaper_of(document, public.language_now(), photo_url=queries.inline_photo)
        except DubanError as nothing:
            context["refusal"] = nothing
    return render(request, "bulletin/page.html", context, status=status)


@require_POST
@person_who("bulletin.draft")
def file_picture(request: HttpRequest) -> HttpResponse:
    """A picture with its caption for the page of a day."""
    person: Any = request.user
    form = forms.PictureForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page_of_day(request, form.cleaned_data.get("day", _today()), form=form, status=400)
    sent = form.cleaned_data
    try:
        pictures.file_picture(
            by=person,
            now=clock.now(),
            at=_area(request),
            day=sent["day"],
            photo=_read_photo(sent["photo"]),
            caption_zh=sent["caption_zh"],
            caption_en=sent["caption_en"],
            byline=sent["byline"],
        )
    except DubanError as refusal:
        forms.refuse(form, refusal)
        return _page_of_day(request, sent["day"], form=form, status=refusal.status)
    messages.success(request, _("Filed; it stands on the page of the day."))
    return redirect(f"{reverse('bulletin:page_of_day')}?day={sent['day'].isoformat()}#pictures")


def _read_photo(sent: UploadedFile) -> bytes:
    if (sent.size or 0) > MOST_PHOTO:
        raise BadBlock("photo_too_large", _("A picture has at most 30 MB."), field="photo")
    return sent.read()


@require_POST
@person_who("bulletin.draft")
def withdraw_picture(request: HttpRequest, picture_id: uuid.UUID) -> HttpResponse:
    """Take a picture off the page of its day."""
    picture = pictures.withdraw_picture(by=request.user, now=clock.now(), picture_id=picture_id)  # type: ignore[arg-type]
    messages.success(request, _("Taken off the page."))
    return redirect(f"{reverse('bulletin:page_of_day')}?day={picture.day.isoformat()}")


@require_safe
@person_who("bulletin.see")
def page_photo(request: HttpRequest, picture_id: uuid.UUID) -> HttpResponseBase:
    """The public copy of a picture that was filed."""
    picture = Picture.objects.filter(pk=picture_id).first()
    if picture is None or not rights.may(request.user, "bulletin.see", picture.jurisdiction):  # type: ignore[arg-type]
        raise Http404(picture_id)
    return photo_response(request, picture.photo_id, "thumbnail", shared=False)


def _lost(request: HttpRequest, issue: Issue, form: forms.IssueForm, refusal: DubanError) -> HttpResponse:
    """The issue went out or was discarded meanwhile: what was typed is shown, to be copied."""
    typed = [form.cleaned_data[name] for name in TEXTS_OF_ISSUE if form.cleaned_data[name]]
    for block in form.cleaned_data["blocks"]:
        words = form.words_of(block)
        typed += [text for name in blocks.TEXTS if (text := getattr(words, name))]
    context = {"issue": issue, "refusal": refusal, "typed": typed}
    return render(request, "bulletin/lost.html", context, status=refusal.status)


Taken = tuple[Issue, str]


def _refresh(person: Any, issue: Issue, seen: int | None) -> Taken:
    unfit = {item.pk for item, _state in actions.unfitting(issue)}
    order: dict[str, list[uuid.UUID]] = {key: [] for key in editor.stored_order(issue)}
    for item in issue.items.all():
        if item.pk not in unfit:
            order[item.section].append(item.entry_id)
    for key, entries in actions.available(issue.series).items():
        order[key] += entries
    now = clock.now()
    over = {one.pk for one in column.over(issue, now)}
    exposed = [one for one in column.order_of(issue) if one not in over] + column.available(issue.series, now)
    done = actions.edit_issue(by=person, now=now, issue_id=issue.pk, items=order, exposed=exposed, seen=seen)
    return done, _("Brought up to date with the ledger.")


def _approve(person: Any, issue: Issue, seen: int | None) -> Taken:
    done = actions.approve_issue(by=person, now=clock.now(), issue_id=issue.pk, seen=seen)
    return done, _("Approved; another person publishes it.")


def _publish(person: Any, issue: Issue, seen: int | None) -> Taken:
    done = actions.publish_issue(by=person, now=clock.now(), issue_id=issue.pk, seen=seen)
    return done, _("Published as No. %(number)d.") % {"number": done.number or 0}


def _discard(person: Any, issue: Issue, seen: int | None) -> Taken:
    done = actions.discard_issue(by=person, now=clock.now(), issue_id=issue.pk, seen=seen)
    return done, _("Discarded; its entries are free for another draft.")


def _correct(person: Any, issue: Issue, seen: int | None) -> Taken:
    done = actions.correct_issue(by=person, now=clock.now(), issue_id=issue.pk)
    return done, _("A draft with the same content, which will correct No. %(number)d.") % {"number": issue.number or 0}


STEPS: dict[str, Callable[[Any, Issue, int | None], Taken]] = {
    "refresh": _refresh,
    "approve": _approve,
    "publish": _publish,
    "discard": _discard,
    "correct": _correct,
}
