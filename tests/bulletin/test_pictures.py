"""A picture that stands by itself: filed for a day, on the page of that day, in an issue, and taken off again."""

import io
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.bulletin.conftest import LATER, publish
from tests.bulletin.test_blocks import towns as towns

from duban.access.models import Person
from duban.bulletin import actions, compose, layout, pictures
from duban.bulletin.blocks import Words, place
from duban.bulletin.models import Picture
from duban.core.errors import Conflict, DubanError, NotAllowed, NotFound
from duban.core.models import AuditRecord
from duban.core.text import folded
from duban.demo.builders import make_jpeg
from duban.outbreak.models import CaseFile, FileKey
from duban.outbreak.people import Tokens

DAY = date(2021, 1, 20)
AREA = "110112"
SNOW = "城市副中心迎来2021年第一场雪。"
pytestmark = pytest.mark.usefixtures("towns")


def file(by: Person, seed: int = 1, **changes: Any) -> Picture:
    facts: dict[str, Any] = {"photo": make_jpeg(seed), "caption_zh": SNOW, "caption_en": "The first snow.", "at": AREA}
    return pictures.file_picture(by=by, now=LATER, **{"day": DAY, "byline": "记者 甲/文 乙/摄"} | facts | changes)


def photo_block(day: date = DAY) -> dict[str, Any]:
    blocks = compose.document_of_day(AREA, day, LATER)["blocks"]
    return next(block for block in blocks if block["kind"] == "photo")


def test_it_stands_on_the_page_of_its_day_in_both_files(people: dict[str, Person]) -> None:
    picture = file(people["supervisor"])
    block = photo_block()
    assert [photo["sha256"] for photo in block["photos"]] == [picture.photo_id]
    assert block["photos"][0]["caption"] == {"zh": SNOW, "en": "The first snow."}
    assert (block["byline"], block["text"]) == ("记者 甲/文 乙/摄", {"zh": "", "en": ""})
    document = compose.document_of_day(AREA, DAY, LATER)
    html = compose.render(document, "html", "zh").decode()
    assert re.search(
        rf"<figure>.*?<figcaption>{SNOW}</figcaption>\s*</figure>\s*<p[^>]*>记者 甲/文 乙/摄</p>", html, re.S
    )
    printed = pypdfium2.PdfDocument(io.BytesIO(compose.render(document, "pdf", "zh")))
    page = printed[0]
    assert SNOW in page.get_textpage().get_text_range().replace("\r\n", "")
    assert sum(one.type == 3 for one in page.get_objects()) == 1
    with pytest.raises(DubanError) as nothing:
        compose.document_of_day(AREA, date(2021, 1, 21), LATER)
    assert nothing.value.code == "nothing_to_print"


def test_the_same_picture_again_is_the_first_answer(people: dict[str, Person]) -> None:
    first = file(people["supervisor"])
    assert file(people["second"], caption_zh="另一句") == first
    assert Picture.objects.get().caption_zh == SNOW
    assert file(people["supervisor"], day=date(2021, 1, 21)) != first
    assert pictures.file_picture(
        by=people["supervisor"], now=LATER, at="110112104", day=DAY, photo=first.photo_id, caption_zh="镇里的雪"
    ).photo_id == first.photo_id  # fmt: skip


def test_taken_off_it_is_gone_and_may_be_filed_anew(people: dict[str, Person]) -> None:
    first = file(people["supervisor"])
    for _again in range(2):
        pictures.withdraw_picture(by=people["second"], now=LATER, picture_id=first.pk)
    assert AuditRecord.objects.filter(action="withdraw_picture", subject_id=str(first.pk)).count() == 1
    with pytest.raises(DubanError):
        photo_block()
    assert file(people["supervisor"], caption_zh="改过的话") != first
    assert photo_block()["photos"][0]["caption"]["zh"] == "改过的话"


def test_who_may(people: dict[str, Person]) -> None:
    picture = file(people["supervisor"])
    for role in ("publisher", "inspector", "town", "stranger"):
        with pytest.raises(NotAllowed):
            file(people[role])
    with pytest.raises(NotAllowed):
        pictures.withdraw_picture(by=people["publisher"], now=LATER, picture_id=picture.pk)
    with pytest.raises(NotFound):
        pictures.withdraw_picture(by=people["stranger"], now=LATER, picture_id=picture.pk)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"caption_zh": " "}, "bad_text"),
        ({"caption_zh": "长" * 501}, "bad_text"),
        ({"byline": "a\x00b"}, "bad_text"),
        ({"photo": b"no picture"}, "photo_not_an_image"),
        ({"photo": "0" * 64}, "unknown_photo"),
        ({"caption_zh": "打电话13800001234"}, "number_of_person"),
        ({"caption_en": "Call 13800001234"}, "number_of_person"),
        ({"caption_zh": "隔离的张三丰出门看雪"}, "person_named"),
    ],
)
def test_what_is_refused(people: dict[str, Person], changes: dict[str, Any], code: str) -> None:
    case = CaseFile.objects.create(
        office="110112", number="W1", person="x" * 64, sealed=b"", town="110112104", stay="110112104",
        opened_at=LATER, origin="form",
    )  # fmt: skip
    FileKey.objects.create(file=case, kind="name", digest=Tokens().of("name", folded("张三丰")))
    with pytest.raises(DubanError) as refused:
        file(people["supervisor"], **changes)
    assert refused.value.code == code
    assert not Picture.objects.exists()


def test_no_more_than_four_a_day(people: dict[str, Person]) -> None:
    for seed in range(4):
        file(people["supervisor"], seed)
    with pytest.raises(DubanError) as refused:
        file(people["supervisor"], 9)
    assert refused.value.code == "too_many_pictures"
    assert (
        len([block for block in compose.document_of_day(AREA, DAY, LATER)["blocks"] if block["kind"] == "photo"]) == 4
    )


def test_an_issue_takes_it_once_and_keeps_it(people: dict[str, Person], entry_in: Any) -> None:
    entry_in("listed")
    picture = file(people["supervisor"])
    draft = actions.draft_issue(by=people["supervisor"], now=LATER)
    step: dict[str, Any] = {"by": people["supervisor"], "now": LATER, "issue_id": draft.pk, "day": DAY}
    layout.lay_out_page(**step)
    assert [block.parameters.get("picture") for block in draft.blocks.filter(kind="photo")] == [str(picture.pk)]
    with pytest.raises(DubanError) as refused:
        layout.add_block(kind="photo", **step)
    assert refused.value.code == "photo_missing"
    second = file(people["supervisor"], 2)
    assert layout.add_block(kind="photo", **step).parameters["picture"] == str(second.pk)
    pictures.withdraw_picture(by=people["supervisor"], now=LATER, picture_id=second.pk)
    with pytest.raises(Conflict) as gone:
        publish(draft, by=people["supervisor"], second=people["second"])
    assert gone.value.code == "block_without_facts"
    kept = [block for block in draft.blocks.all() if block.parameters.get("picture") != str(second.pk)]
    place(draft, [Words(block.pk) for block in kept])
    out = publish(draft, by=people["supervisor"], second=people["second"])
    pictures.withdraw_picture(by=people["supervisor"], now=LATER, picture_id=picture.pk)
    printed = next(block for block in json.loads(out.document)["blocks"] if block["kind"] == "photo")
    assert printed["photos"][0]["caption"]["zh"] == SNOW
    shown: Any = Client().get(f"/bulletins/photos/{picture.photo_id}/public/")
    assert b"".join(shown.streaming_content).startswith(b"\xff\xd8")


def test_it_is_filed_and_taken_off_on_the_page(people: dict[str, Person], tmp_path: Path) -> None:
    client = Client(headers={"accept-language": "en"})
    client.force_login(people["supervisor"])
    page = "/bulletins/desk/page/"
    sent = {"day": "2021-01-20", "caption_zh": SNOW, "photo": SimpleUploadedFile("a.jpg", make_jpeg(1))}
    answer = client.post(f"{page}pictures/", sent)
    assert answer.status_code == 302
    picture = Picture.objects.get()
    text = client.get(f"{page}?day=2021-01-20").content.decode()
    assert SNOW in text
    assert f"{page}pictures/{picture.pk}/withdraw/" in text
    shown: Any = client.get(f"{page}pictures/{picture.pk}/")
    assert b"".join(shown.streaming_content).startswith(b"\xff\xd8")
    bad = client.post(
        f"{page}pictures/", sent | {"photo": SimpleUploadedFile("a.jpg", b"none"), "caption_zh": "留着的话"}
    )
    assert bad.status_code == 400
    assert "留着的话" in bad.content.decode()
    for missing in ("day", "photo"):
        assert client.post(f"{page}pictures/", {key: sent[key] for key in sent if key != missing}).status_code == 400
    assert client.post(f"{page}pictures/{picture.pk}/withdraw/").status_code == 302
    assert SNOW not in client.get(f"{page}?day=2021-01-20").content.decode()
    reader = Client(headers={"accept-language": "en"})
    reader.force_login(people["publisher"])
    assert "/withdraw/" not in reader.get(f"{page}?day=2021-01-20").content.decode()
