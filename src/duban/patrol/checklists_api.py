"""API v1: check-lists and their versions, XLSForm in and out, drafts edited and put in use."""

from datetime import date
from typing import Annotated, Any, Literal

from django.db.models import Count
from django.http import HttpResponse, RawPostDataException
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from ninja.responses import Status
from pydantic import Field

from duban.access.models import Person
from duban.access.requests import StaffRequest
from duban.core import clock
from duban.core.errors import NotAllowed
from duban.ledger.api import Sent, Text, Word
from duban.patrol import checklists, editing
from duban.patrol.checklists import choices_of, items_of
from duban.patrol.models import CheckList, CheckListVersion, Choice, Item, VersionState
from duban.patrol.xlsform import REASONS
from duban.patrol.xlsform_writing import XLSX, write_form

router = Router(tags=["check-lists"])
MAX_FORM = 10 << 20
BYTES = {"schema": {"type": "string", "format": "binary"}}
BODY = {"required": True, "content": {XLSX: BYTES}}
Key = Annotated[str, Field(pattern=r"^[-a-zA-Z0-9_]{1,60}$")]
Long = Annotated[Text, Field(max_length=2000)]


class BothOut(Schema):
    zh: str
    en: str


class CheckListOut(Schema):
    key: str
    title: BothOut
    venue_types: list[str] = Field(description="keys; empty: every type")
    version: int = Field(description="the one in use, else the newest")
    state: Literal["draft", "in_use", "retired"]
    effective_from: date | None
    questions: int


class CheckListsOut(Schema):
    checklists: list[CheckListOut]


class CheckItemOut(Schema):
    key: str
    type: str
    group: str = Field(description="path of the groups it stands in, by /")
    label: BothOut
    hint: BothOut
    required: bool
    relevant: str = Field(description="XLSForm expression; empty: always asked")
    list_name: str
    choice_filter: str
    constraint: str
    constraint_message: BothOut
    basis: str
    severity: Literal["minor", "major", "grave"]
    photo_on_fail: bool
    wording: BothOut
    category: str = Field(description="kind:code of the ledger; empty: not on the ledger")
    days_to_mend: int | None = Field(description="working days")
    may_expose: bool


class CheckChoiceOut(Schema):
    list_name: str
    name: str
    label: BothOut
    columns: dict[str, str] = Field(description="what choice filters compare")


class UnsupportedOut(Schema):
    """Something of a form that is kept and goes out again, but is not used here."""

    sheet: str
    row: int = Field(description="as the spreadsheet counts; 0: the whole column or sheet")
    column: str
    value: str
    code: str
    why: str


class CheckVersionOut(CheckListOut):
    items: list[CheckItemOut]
    choices: list[CheckChoiceOut]
    unsupported: list[UnsupportedOut]


class LoadedOut(CheckVersionOut):
    fresh: bool = Field(description="false: the newest version says just this already; nothing was written")


class ListsQuestion(Schema):
    venue_type: str = Field("", max_length=30, description="only those in use that are asked at this type of venue")


class LoadQuestion(Schema):
    key: str = Field("", max_length=60, description="of the check-list; empty: the form's own id")
    use: bool = Field(False, description="put it in use at once")
    replace: bool = Field(False, description="if that check-list has a draft, throw the draft away")
    name: str = Field("form.xlsx", max_length=200, description="of the file")


class CheckListIn(Sent):
    title: Word
    title_en: Word = ""
    venue_types: list[Word] = Field(default_factory=list, max_length=100)


class CheckItemIn(Sent):
    """What is not named stays as it is; of a new item it is empty."""

    type: Word | None = None
    group: Long | None = None
    label: Long | None = None
    label_en: Long | None = None
    hint: Long | None = None
    hint_en: Long | None = None
    required: bool | None = None
    relevant: Long | None = None
    list_name: Word | None = None
    choice_filter: Long | None = None
    constraint: Long | None = None
    constraint_message: Long | None = None
    constraint_message_en: Long | None = None
    basis: Long | None = None
    severity: Word | None = None
    photo_on_fail: bool | None = None
    wording: Long | None = None
    wording_en: Long | None = None
    category: Word | None = None
    days_to_mend: Annotated[int, Field(strict=True, ge=1, le=366)] | None = None
    may_expose: bool | None = None


class MoveItemIn(Sent):
    to: Annotated[int, Field(strict=True, ge=1, le=100_000)] = Field(description="the place, counted from 1")


class CheckChoiceIn(Sent):
    name: Word
    label: Long
    label_en: Long = ""
    columns: dict[Word, Word] = Field(default_factory=dict, max_length=50)


class CheckChoicesIn(Sent):
    choices: list[CheckChoiceIn] = Field(max_length=50_000)


def _version(person: Person, key: str, number: int | None = None) -> CheckListVersion:
    """The version asked for; without a number the one in use, else the newest. Raises NotFound."""
    return checklists.version_of(checklists.checklist_for(person, key), number)


def _line(version: CheckListVersion, questions: int) -> dict[str, Any]:
    title, title_en = checklists.titles_of(version)
    return {
        "key": version.checklist.key,
        "title": {"zh": title, "en": title_en},
        "venue_types": version.venue_types,
        "version": version.number,
        "state": version.state,
        "effective_from": version.effective_from,
        "questions": questions,
    }


def _item(item: Item) -> dict[str, Any]:
    both = {fact: _both(item, fact) for fact in ("label", "hint", "constraint_message", "wording")}
    return {name: getattr(item, name) for name in CheckItemOut.model_fields if name not in both} | both


def _both(thing: Item | Choice, fact: str) -> dict[str, str]:
    return {"zh": getattr(thing, fact), "en": getattr(thing, f"{fact}_en")}


def _detail(version: CheckListVersion) -> dict[str, Any]:
    items = items_of(version)
    return _line(version, len(items)) | {
        "items": [_item(item) for item in items],
        "choices": [
            {"list_name": one.list_name, "name": one.name, "label": _both(one, "label"), "columns": one.columns}
            for one in choices_of(version)
        ],
        "unsupported": [
            problem | {"why": str(REASONS[problem["code"]])} for problem in version.kept.get("problems", [])
        ],
    }


@router.get("/checklists", response=CheckListsOut, summary="Check-lists, each as it is asked now")
def list_checklists(request: StaffRequest, question: Query[ListsQuestion]) -> dict[str, Any]:
    """One that was never in use is there as its draft, unless a venue type is asked for."""
    found = checklists.visible_to(request.user)
    if not found.exists():
        raise NotAllowed("not_allowed", _("None of your roles sees check-lists."))
    versions = CheckListVersion.objects.filter(checklist__in=found).select_related("checklist")
    counted = versions.annotate(questions=Count("items")).order_by("checklist__key", "number")
    shown: dict[str, CheckListVersion] = {}
    for version in counted:
        before = shown.get(version.checklist.key)
        if before is None or before.state != VersionState.IN_USE:
            shown[version.checklist.key] = version
    kind = question.venue_type
    if kind:
        shown = {
            key: one for key, one in shown.items() if one.state == VersionState.IN_USE and checklists.is_for(one, kind)
        }
    return {"checklists": [_line(version, version.questions) for version in shown.values()]}  # type: ignore[attr-defined]


@router.post(
    "/checklists",
    response=LoadedOut,
    summary="Load an XLSForm workbook: its bytes as the body",
    openapi_extra={"requestBody": BODY},
)
def post_xlsform(request: StaffRequest, question: Query[LoadQuestion]) -> dict[str, Any]:
    """It becomes a draft of the check-list; what of it is not supported is listed, kept, and goes out again."""
    try:
        data = request.body
    except RawPostDataException as error:
        raise editing.BadCheckList(
            "file_missing", _("Send the file’s bytes as the body, not a form."), field="file"
        ) from error
    if len(data) > MAX_FORM:
        raise editing.BadCheckList("file_too_large", _("A form has at most 10 MB."), field="file")
    loaded = editing.load_form(
        by=request.user, now=clock.now(), data=data, name=question.name, key=question.key, use=question.use,
        replace=question.replace,
    )  # fmt: skip
    return _detail(loaded.version) | {"fresh": loaded.fresh}


@router.put("/checklists/{checklist}", response=CheckVersionOut, summary="Make a check-list, or name its draft anew")
def put_checklist(request: StaffRequest, checklist: Key, sent: CheckListIn) -> dict[str, Any]:
    """A new key begins with an empty draft; of one that is there the draft is changed, and begun if there is none."""
    person, now, facts = request.user, clock.now(), sent.model_dump()
    there = CheckList.objects.filter(key=checklist).first()
    if there is None:
        version = editing.make_checklist(by=person, now=now, key=checklist, **facts)
    else:
        draft = editing.start_draft(by=person, now=now, checklist=there)
        version = editing.set_facts(by=person, now=now, version_id=draft.pk, **facts)
    return _detail(version)


@router.get("/checklists/{checklist}", response=CheckVersionOut, summary="A check-list as it is asked now")
def get_checklist(request: StaffRequest, checklist: Key) -> dict[str, Any]:
    return _detail(_version(request.user, checklist))


@router.post(
    "/checklists/{checklist}/draft", response=CheckVersionOut, summary="Begin a draft, or get the one there is"
)
def post_draft(request: StaffRequest, checklist: Key) -> dict[str, Any]:
    there = checklists.checklist_for(request.user, checklist)
    return _detail(editing.start_draft(by=request.user, now=clock.now(), checklist=there))


@router.get("/checklists/{checklist}/{int:number}", response=CheckVersionOut, summary="One version of a check-list")
def get_version(request: StaffRequest, checklist: Key, number: int) -> dict[str, Any]:
    return _detail(_version(request.user, checklist, number))


@router.get(
    "/checklists/{checklist}/{int:number}/form.xlsx",
    response=None,
    summary="A version as an XLSForm workbook",
    openapi_extra={"responses": {200: {"description": "OK", "content": {XLSX: BYTES}}}},
)
def get_xlsform(request: StaffRequest, checklist: Key, number: int) -> HttpResponse:
    version = _version(request.user, checklist, number)
    return HttpResponse(write_form(version, items_of(version), choices_of(version)), content_type=XLSX)


@router.post("/checklists/{checklist}/{int:number}/use", response=CheckVersionOut, summary="Put a draft in use")
def post_use(request: StaffRequest, checklist: Key, number: int) -> dict[str, Any]:
    """The version before it is retired; neither changes any more."""
    version = _version(request.user, checklist, number)
    return _detail(editing.put_in_use(by=request.user, now=clock.now(), version_id=version.pk))


@router.delete("/checklists/{checklist}/{int:number}", response={204: None}, summary="Discard a draft")
def delete_draft(request: StaffRequest, checklist: Key, number: int) -> Status[None]:
    version = _version(request.user, checklist, number)
    editing.discard_draft(by=request.user, now=clock.now(), version_id=version.pk)
    return Status(204, None)


@router.put(
    "/checklists/{checklist}/{int:number}/items/{item}", response=CheckItemOut, summary="Write an item of a draft"
)
def put_item(request: StaffRequest, checklist: Key, number: int, item: str, sent: CheckItemIn) -> dict[str, Any]:
    """A new key is added at the end of its group."""
    version = _version(request.user, checklist, number)
    facts = {fact: value for fact, value in sent.model_dump(exclude_unset=True).items() if _said(fact, value)}
    saved = editing.save_item(by=request.user, now=clock.now(), version_id=version.pk, key=item, facts=facts)
    return _item(saved)


def _said(fact: str, value: Any) -> bool:
    """Only the days to mend can be taken away by null."""
    return value is not None or fact == "days_to_mend"


@router.delete(
    "/checklists/{checklist}/{int:number}/items/{item}", response={204: None}, summary="Take an item out of a draft"
)
def delete_item(request: StaffRequest, checklist: Key, number: int, item: str) -> Status[None]:
    version = _version(request.user, checklist, number)
    editing.remove_item(by=request.user, now=clock.now(), version_id=version.pk, key=item)
    return Status(204, None)


@router.post(
    "/checklists/{checklist}/{int:number}/items/{item}/move",
    response=CheckVersionOut,
    summary="Move an item of a draft",
)
def post_move(request: StaffRequest, checklist: Key, number: int, item: str, sent: MoveItemIn) -> dict[str, Any]:
    version = _version(request.user, checklist, number)
    editing.move_item(by=request.user, now=clock.now(), version_id=version.pk, key=item, to=sent.to)
    return _detail(version)


@router.put(
    "/checklists/{checklist}/{int:number}/choices/{list_name}",
    response=list[CheckChoiceOut],
    summary="Write a list of choices of a draft whole",
)
def put_choices(
    request: StaffRequest, checklist: Key, number: int, list_name: str, sent: CheckChoicesIn
) -> list[dict[str, Any]]:
    """No choices: the list is removed."""
    version = _version(request.user, checklist, number)
    saved = editing.save_list(
        by=request.user, now=clock.now(), version_id=version.pk, list_name=list_name,
        choices=[one.model_dump() for one in sent.choices],
    )  # fmt: skip
    return [
        {"list_name": one.list_name, "name": one.name, "label": _both(one, "label"), "columns": one.columns}
        for one in saved
    ]
