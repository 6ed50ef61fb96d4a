"""Rosters: encrypted, masked, each look written down, dated, and followed by the number of members."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.commons.register.building import PDF, make_organisation, refused

from duban.access.models import Person
from duban.commons.models import Membership, Organisation
from duban.commons.register import documents, roster
from duban.commons.register.roster import MemberDraft, read_roster
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db
TODAY = date(2021, 1, 18)
ZHANG, LI = MemberDraft("张三丰", "13800138000", "会长", date(2020, 1, 1)), MemberDraft("李四")


@pytest.fixture
def worker(db: None) -> Person:
    return make_person("worker", "community_worker", "110112004")


def add(worker: Person, one: Organisation, *drafts: MemberDraft) -> list[Membership]:
    return roster.add_members(by=worker, now=NOON, organisation_id=one.pk, drafts=drafts)


def members(one: Organisation) -> int:
    one.refresh_from_db()
    return one.members


def test_who_is_there_is_shown_masked_and_opened_on_the_record(worker: Person) -> None:
    one = make_organisation(worker)
    add(worker, one, ZHANG, LI)
    shown = roster.roster_of(one)
    assert [(seen.name, seen.phone, seen.role) for seen in shown] == [("张**", "138****00", "会长"), ("李*", "", "")]
    for row in one.roster.all():
        assert b"13800138000" not in bytes(row.sealed)
    step: dict[str, Any] = {"now": NOON, "organisation_id": one.pk}
    assert refused(lambda: roster.open_roster(by=worker, purpose="curiosity", **step)) == "unknown_roster_purpose"
    assert not roster.looks_at(one)
    opened = roster.open_roster(by=worker, purpose="contact", **step)
    assert (opened[0].name, opened[0].phone) == ("张三丰", "13800138000")
    assert [look.who for look in roster.looks_at(one)] == ["worker"]
    for role in ("supervisor", "leader", "administrator"):
        by = make_person(role, role)
        assert refused(lambda by=by: roster.open_roster(by=by, purpose="contact", **step)) == "not_allowed"  # type: ignore[misc]
    far = make_person("far", "community_worker", "110112005")
    assert refused(lambda: roster.open_roster(by=far, purpose="contact", **step)) == "organisation_not_found"
    assert "张三丰" not in str(list(AuditRecord.objects.values()))


def test_the_number_of_members_follows_the_roster_once_it_is_that_of_it(worker: Person) -> None:
    said = make_organisation(worker, members="32")
    add(worker, said, ZHANG)
    assert members(said) == 32
    kept = make_organisation(worker, "新社", members="")
    first, second = add(worker, kept, ZHANG, LI)
    assert members(kept) == 2
    assert add(worker, kept, ZHANG) == []
    assert members(kept) == 2
    roster.end_member(by=worker, now=NOON, member_id=first.pk, on=TODAY)
    assert members(kept) == 1
    roster.forget_member(by=worker, now=NOON, member_id=second.pk)
    assert members(kept) == 0


def test_a_role_has_its_time(worker: Person) -> None:
    one = make_organisation(worker, members="")
    (row,) = add(worker, one, ZHANG)
    step: dict[str, Any] = {"by": worker, "now": NOON}
    assert (
        refused(lambda: roster.change_role(**step, member_id=row.pk, role="x", on=date(2019, 1, 1))) == "member_before"
    )
    ahead = TODAY + timedelta(days=1)
    assert refused(lambda: roster.end_member(**step, member_id=row.pk, on=ahead)) == "member_ahead"
    again = roster.change_role(**step, member_id=row.pk, role="顾问", on=TODAY)
    assert roster.change_role(**step, member_id=again.pk, role="顾问", on=TODAY).pk == again.pk
    assert refused(lambda: roster.change_role(**step, member_id=row.pk, role="y", on=TODAY)) == "member_gone"
    assert [(seen.role, seen.since, seen.until) for seen in roster.roster_of(one)] == [("顾问", TODAY, None)]
    assert [(seen.role, seen.until) for seen in roster.roster_of(one, gone=True)] == [("会长", TODAY)]
    assert members(one) == 1


def test_a_member_of_another_office_is_nobody(worker: Person) -> None:
    one = make_organisation(worker)
    (row,) = add(worker, one, ZHANG)
    far = make_person("far", "community_worker", "110112005")
    for by, key in ((far, row.pk), (worker, 999_999)):
        assert refused(lambda by=by, key=key: roster.end_member(by=by, now=NOON, member_id=key, on=TODAY)) == (  # type: ignore[misc]
            "member_not_found"
        )
        assert refused(lambda by=by, key=key: roster.forget_member(by=by, now=NOON, member_id=key)) == (  # type: ignore[misc]
            "member_not_found"
        )
    assert one.roster.count() == 1


@pytest.mark.parametrize(
    ("line", "name", "phone", "role"),
    [
        ("张三，13800138000，会长", "张三", "13800138000", "会长"),
        ("张三 13800138000", "张三", "13800138000", ""),
        ("张三\t会计\t010-69540000", "张三", "010-69540000", "会计"),
        ("  张三  ", "张三", "", ""),
        ("Mary Ann, treasurer", "Mary Ann", "", "treasurer"),
    ],
)
def test_lines_as_people_paste_them(line: str, name: str, phone: str, role: str) -> None:
    assert read_roster(f"\n{line}\n\n") == [MemberDraft(name, phone, role)]


@pytest.mark.parametrize("line", ["13800138000", "，，", "张三，会长，会计", "长" * 31, "张三，" + "长" * 61, "a\x00b"])
def test_a_line_that_is_none_is_named(line: str) -> None:
    with pytest.raises(DubanError) as refusal:
        read_roster(f"李四\n{line}")
    assert (refusal.value.code, refusal.value.row) == ("bad_roster_line", 2)


@given(st.text(max_size=200))
def test_whatever_is_pasted_is_read_or_refused(text: str) -> None:
    try:
        for one in read_roster(text):
            assert one.name.strip()
    except DubanError as refusal:
        assert refusal.field in {"members", "name", "phone"}  # noqa: PT017


# ---- files ----------------------------------------------------------------------------------------------------------


def keep(worker: Person, one: Organisation, data: bytes = PDF, kind: str = "charter", name: str = "章程.pdf") -> Any:
    return documents.keep_document(by=worker, now=NOON, organisation_id=one.pk, kind=kind, name=name, data=data)


def test_a_file_lies_encrypted_is_there_once_and_its_taking_is_written_down(worker: Person) -> None:
    one = make_organisation(worker)
    made, again = keep(worker, one), keep(worker, one)
    assert made.pk == again.pk
    stored = (documents.folder() / made.file).read_bytes()
    assert PDF not in stored
    assert made.file.endswith(".sealed")
    leader = make_person("leader", "leader")
    step: dict[str, Any] = {"now": NOON, "organisation_id": one.pk, "document_id": made.pk}
    assert documents.take_document(by=leader, **step)[1] == PDF
    assert AuditRecord.objects.filter(action="take_document").count() == 1
    assert refused(lambda: documents.remove_document(by=leader, **step)) == "not_allowed"
    far = make_person("far", "community_worker", "110112005")
    assert refused(lambda: documents.take_document(by=far, **step)) == "organisation_not_found"


def test_files_that_name_people_are_for_who_may_know_them(worker: Person) -> None:
    one = make_organisation(worker)
    leader = make_person("leader", "leader")
    for kind in ("roster", "application"):
        made = keep(worker, one, kind=kind)
        step: dict[str, Any] = {"now": NOON, "organisation_id": one.pk, "document_id": made.pk}
        assert refused(lambda step=step: documents.take_document(by=leader, **step)) == "not_allowed"  # type: ignore[misc]
        assert documents.take_document(by=worker, **step)[1] == PDF


@pytest.mark.django_db(transaction=True)
def test_a_file_removed_is_gone_for_good(worker: Person) -> None:
    one = make_organisation(worker)
    made = keep(worker, one)
    step: dict[str, Any] = {"by": worker, "now": NOON, "organisation_id": one.pk, "document_id": made.pk}
    documents.remove_document(**step)
    assert not (documents.folder() / made.file).exists()
    assert refused(lambda: documents.take_document(**step)) == "document_not_found"


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.pdf", "document_missing"),
        (b"MZ\x90\x00", "a.pdf", "document_type"),
        (b"PK\x03\x04broken", "a.docx", "document_type"),
        (b"<html><script>", "a.pdf", "document_type"),
        (b"%PDF-" + b"0" * documents.LARGEST, "a.pdf", "document_too_large"),
        (PDF, "a\x00.pdf", "bad_text"),
    ],
)
def test_files_that_are_none(worker: Person, data: bytes, name: str, code: str) -> None:
    one = make_organisation(worker)
    assert refused(lambda: keep(worker, one, data, name=name)) == code
    assert refused(lambda: keep(worker, one, kind="novel")) == "unknown_document_kind"
    assert not one.documents.exists()


def test_a_name_is_no_path_and_ends_as_the_file_is(worker: Person) -> None:
    one = make_organisation(worker)
    assert keep(worker, one, name="../../etc/passwd.exe").name == "passwd.pdf"
    assert keep(worker, one, b"\xff\xd8\xff\xe0x", name=f"{'长' * 300}.pdf").name == f"{'长' * 95}.jpg"
    assert keep(worker, one, b"\x89PNG\r\n\x1a\nx", name="").name == "file.png"
