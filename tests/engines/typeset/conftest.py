"""A printer's bench: small photos in a folder and documents that use them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

STATEMENTS = (
    "漷县镇李辛庄村距李辛庄西南路约27米,距大梁沟约1173米",
    "梨园地区群芳中一街群芳三园西区80号楼北侧",
    "漷县镇长凌营村距长凌营环路约124米,距北运河约465米",
    "潞城镇谢楼村距谢楼路约291米,距北运河约2756米",
    "潞邑街道潞邑三路依威能源充电站东逸佳苑东侧",
    "马驹桥镇神驹村距京沪高速约60米,距通大边沟约16米",
    "宋庄镇大庞村距独光路约17米,距中坝河约890米",
    "台湖镇农贸市场路台湖环境执法站北侧",
    "西集镇大沙务村距潮河大堤路约225米,距牛屯引河约325米",
    "永乐店镇熬硝营村距熬硝营西环路约82米,距通大边沟约536米",
)
CATEGORIES = (
    {"code": "06010", "name": "暴露垃圾", "name_en": "Exposed rubbish"},
    {"code": "06036", "name": "乱堆物堆料", "name_en": "Piled objects"},
)


@dataclass
class Bench:
    """Makes photos and documents; ``path`` and ``url`` are what the engine is given to find the photos."""

    folder: Path
    made: int = field(default=0)

    def photo(self, width: int = 120, height: int = 90, kind: str = "JPEG", mode: str = "RGB", **save: Any) -> dict:
        self.made += 1
        picture = Image.new("RGB", (width, height), (self.made * 37 % 256, self.made * 91 % 256, 120))
        ImageDraw.Draw(picture).rectangle((5, 5, 5 + self.made % 40, 30), fill="white")
        out = BytesIO()
        picture.convert(mode).save(out, kind, **save)
        return self.store(out.getvalue(), width, height)

    def store(self, content: bytes, width: int = 120, height: int = 90) -> dict:
        public = hashlib.sha256(content).hexdigest()
        (self.folder / public).write_bytes(content)
        original = hashlib.sha256(b"original" + content).hexdigest()
        return {"sha256": original, "public_sha256": public, "width": width, "height": height}

    def path(self, photo: dict) -> Path:
        return self.folder / photo["public_sha256"]

    @staticmethod
    def url(photo: dict) -> str:
        return f"/photos/{photo['public_sha256']}.jpg?a=1&b=2"

    def entry(self, index: int, *, before: list | None = None, after: list | None = None, **changed: Any) -> dict:
        entry = {
            "id": f"00000000-0000-4000-8000-{index:012d}",
            "number": f"110112-2021-{index + 1:06d}",
            "category": CATEGORIES[index % len(CATEGORIES)],
            "statement": STATEMENTS[index % len(STATEMENTS)],
            "description": "",
            "responsible": {"code": "110112106", "name": "漷县镇"},
            "found_at": "2021-01-18T02:00:00+00:00",
            "due_at": "2021-01-25T16:30:00+00:00",
            "closed_at": "2021-01-19T09:00:00+08:00",
            "lon": 116.78,
            "lat": 39.77,
            "photos": {
                "before": [self.photo()] if before is None else before,
                "after": [] if after is None else after,
            },
        }
        return entry | changed

    def document(self, rectified: list | tuple = (), new: list | tuple = (), **changed: Any) -> dict:
        document = {
            "schema": "duban.bulletin/1",
            "series": {"name": "环境卫生通报", "jurisdiction": {"code": "110112", "name": "通州区"}},
            "number": 192,
            "corrects": None,
            "title": "清除卫生死角 助力疫情防控",
            "intro": "近期，区城市管理委强化检查背街小巷、农贸市场等重点区域。\n本期刊登整治前后对比照片。",
            "issuer": "通州区城市管理委员会",
            "byline": "",
            "published_at": "2021-01-20T00:10:00+08:00",
            "schematic": False,
            "sections": [
                {"key": "rectified", "entries": list(rectified)},
                {"key": "new", "entries": list(new)},
            ],
            "counts": {"rectified": len(rectified), "new": len(new)},
            "checkpoint": "c" * 64,
            "previous": "d" * 64,
        }
        return document | changed

    def page_192(self, **changed: Any) -> dict:
        """Ten entries as on the newspaper page: two rectified, eight new."""
        rectified = [self.entry(index, after=[self.photo()]) for index in range(2)]
        return self.document(rectified, [self.entry(index) for index in range(2, 10)], **changed)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def statements() -> tuple[str, ...]:
    return STATEMENTS


@pytest.fixture
def squeeze() -> Callable[[str], str]:
    """Text without white space: where a line ends on the page is nothing the text says."""
    return lambda text: "".join(text.split())
