"""A bulletin of 200 entries and 400 photos must be a PDF in under 10 seconds on 2 cores.

Makes the issue and its photos (2048 x 1536 JPEG, about a megabyte each, as public copies are at most 2048 wide) in a
temporary folder, sets it with ``engines.typeset`` and, in the same run and with the same photos brought down to the
same printed size, with its peers: python-docx (a Word file, the usual way of an office) and, where it is installed,
reportlab (a PDF). Both must hold every statement and every photo that ours holds. The last line is the result in JSON,
times in seconds and ratios as how many times faster ours is.
"""

import argparse
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import docx
import pypdfium2
import pypdfium2.raw as pdfium
from docx.oxml.ns import qn
from docx.shared import Mm
from PIL import Image, ImageChops

from duban.engines.typeset import render_pdf
from duban.engines.typeset.pdf import COMPARED
from duban.engines.typeset.photos import PRINT_DPI

ENTRIES = 200
PHOTOS_EACH = 2
SIZE = (2048, 1536)
LIMIT_SECONDS = 10.0
BOX = (round(COMPARED / 25.4 * PRINT_DPI), round(COMPARED * 3 / 4 / 25.4 * PRINT_DPI))

Document = Mapping[str, Any]
# What a reader finds in a finished file: the statements it looks for, and the number of photos.
Found = tuple[frozenset[str], int]


def make_photos(folder: Path, count: int) -> list[dict[str, Any]]:
    """Photos with the grain of a phone camera, no two alike, named by their SHA-256."""
    scenes = [Image.effect_mandelbrot((512, 384), (-2, -1.2, 0.6, 1.2), 9 + scene).resize(SIZE) for scene in range(4)]
    grain = [Image.effect_noise(SIZE, 22) for _ in range(4)]

    def make(number: int) -> dict[str, Any]:
        light = ImageChops.offset(grain[number % 4], number * 13, number * 7)
        layers = [
            ImageChops.add(ImageChops.offset(scenes[number % 4], number * 5), light, 2, tint) for tint in (30, 10, 0)
        ]
        out = BytesIO()
        Image.merge("RGB", layers).save(out, "JPEG", quality=78)
        name = hashlib.sha256(out.getvalue()).hexdigest()
        (folder / name).write_bytes(out.getvalue())
        return {"sha256": name, "public_sha256": name, "width": SIZE[0], "height": SIZE[1]}

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(make, range(count)))


def make_document(photos: list[dict[str, Any]], entries: int) -> Document:
    """Every entry rectified, with one photo before and one after: the most photos an issue asks for."""
    listed = [
        {
            "id": f"00000000-0000-4000-8000-{place:012d}",
            "number": f"110112-2021-{place + 1:06d}",
            "category": {"code": "06010", "name": "暴露垃圾", "name_en": "Exposed rubbish"},
            "statement": f"宋庄镇大庞村距独光路约{17 + place}米,距中坝河约{890 + 3 * place}米",
            "description": "路边有散落生活垃圾，已清运并平整。",
            "responsible": {"code": "110112109", "name": "宋庄镇"},
            "found_at": "2021-01-18T10:00:00+08:00",
            "due_at": None,
            "closed_at": "2021-01-19T10:00:00+08:00",
            "lon": 116.7,
            "lat": 39.9,
            "photos": {"before": [photos[2 * place]], "after": [photos[2 * place + 1]]},
        }
        for place in range(entries)
    ]
    return {
        "schema": "duban.bulletin/1",
        "series": {"name": "环境卫生通报", "jurisdiction": {"code": "110112", "name": "通州区"}},
        "number": 192,
        "corrects": None,
        "title": "清除卫生死角 助力疫情防控",
        "intro": "本期刊登整治前后对比照片。",
        "issuer": "通州区城市管理委员会",
        "byline": "",
        "published_at": "2021-01-20T00:10:00+08:00",
        "schematic": True,
        "sections": [{"key": "rectified", "entries": listed}, {"key": "new", "entries": []}],
        "counts": {"rectified": entries, "new": 0},
        "checkpoint": "0" * 64,
        "previous": "",
    }


def entries_of(document: Document) -> list[dict[str, Any]]:
    return document["sections"][0]["entries"]


def small(path: Path) -> BytesIO:
    """The photo at the size our engine prints it, by Pillow's own short way."""
    with Image.open(path) as picture:
        picture.thumbnail(BOX)
        out = BytesIO()
        picture.save(out, "JPEG", quality=80)
    out.seek(0)
    return out


def ours(document: Document, folder: Path) -> bytes:
    return render_pdf(document, photo_path=lambda photo: folder / photo["public_sha256"])


def by_python_docx(document: Document, folder: Path) -> bytes:
    word = docx.Document()
    word.add_heading(document["title"], 0)
    for entry in entries_of(document):
        table = word.add_table(1, 2)
        for cell, side in zip(table.rows[0].cells, ("before", "after"), strict=True):
            photo = entry["photos"][side][0]
            cell.paragraphs[0].add_run().add_picture(small(folder / photo["public_sha256"]), width=Mm(COMPARED))
        word.add_paragraph(entry["category"]["name"])
        word.add_paragraph(entry["statement"])
        word.add_paragraph(f"{entry['description']} {entry['responsible']['name']} {entry['number']}")
    out = BytesIO()
    word.save(out)
    return out.getvalue()


def by_reportlab(document: Document, folder: Path) -> bytes:
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    out = BytesIO()
    canvas = Canvas(out, pagesize=A4)
    height = COMPARED * 3 / 4
    for place, entry in enumerate(entries_of(document)):
        if place and place % 4 == 0:
            canvas.showPage()
        top = 280 - (place % 4) * (height + 22)
        for column, side in enumerate(("before", "after")):
            picture = ImageReader(small(folder / entry["photos"][side][0]["public_sha256"]))
            left = 24 + column * (COMPARED + 5)
            canvas.drawImage(picture, left * mm, (top - height) * mm, COMPARED * mm, height * mm)
        canvas.setFont("STSong-Light", 9.5)
        lines = (entry["category"]["name"], entry["statement"], f"{entry['responsible']['name']} {entry['number']}")
        for number, line in enumerate(lines, start=1):
            canvas.drawString(24 * mm, (top - height - 5 * number) * mm, line)
    canvas.save()
    return out.getvalue()


def found_in_pdf(content: bytes, statements: frozenset[str]) -> Found:
    document = pypdfium2.PdfDocument(content)
    text = "".join("".join(page.get_textpage().get_text_bounded().split()) for page in document)
    images = sum(1 for page in document for _ in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=8))
    document.close()
    return frozenset(statement for statement in statements if statement in text), images


def found_in_docx(content: bytes, statements: frozenset[str]) -> Found:
    word = docx.Document(BytesIO(content))
    text = {paragraph.text for paragraph in word.paragraphs}
    return statements & text, len(list(word.element.body.iter(qn("wp:inline"))))


def has_reportlab() -> bool:
    try:
        import reportlab  # noqa: F401
    except ImportError:
        return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    sides: dict[str, tuple[Callable[[Document, Path], bytes], Callable[[bytes, frozenset[str]], Found]]] = {
        "ours": (ours, found_in_pdf),
        "python-docx": (by_python_docx, found_in_docx),
    }
    if has_reportlab():
        sides["reportlab"] = (by_reportlab, found_in_pdf)

    with tempfile.TemporaryDirectory(prefix="duban-bench-") as name:
        folder = Path(name)
        photos = make_photos(folder, options.entries * PHOTOS_EACH)
        document = make_document(photos, options.entries)
        megabytes = sum((folder / photo["public_sha256"]).stat().st_size for photo in photos) / 1e6
        print(f"{options.entries} entries, {len(photos)} photos of {megabytes:.0f} MB, {os.cpu_count()} cores")
        times: dict[str, list[float]] = {side: [] for side in sides}
        results: dict[str, bytes] = {}
        for turn in range(options.repeat):
            for side, (run, _) in sides.items():
                if side == "ours" or turn == 0:
                    began = time.perf_counter()
                    results[side] = run(document, folder)
                    times[side].append(time.perf_counter() - began)

    statements = frozenset(entry["statement"] for entry in entries_of(document))
    expected = (statements, len(photos))
    for side, (_, find) in sides.items():
        found = find(results[side], statements)
        if found != expected:
            print(f"{side}: {len(found[0])} of {len(statements)} statements, {found[1]} of {len(photos)} photos")
            return 1
    median = {side: statistics.median(taken) for side, taken in times.items()}
    for side, taken in times.items():
        size = len(results[side]) / 1e6
        print(f"{side:>12}: {median[side]:.2f} s, of {', '.join(f'{one:.2f}' for one in taken)}; {size:.1f} MB")
    kept = median["ours"] < LIMIT_SECONDS
    print(f"promise of {LIMIT_SECONDS:.0f} s {'kept' if kept else 'broken'}")
    peers = [side for side in sides if side != "ours"]
    print(
        json.dumps(
            {
                "name": "bulletin",
                "ours": round(median["ours"], 2),
                "peers": {side: round(median[side], 2) for side in peers},
                "ratio": {side: round(median[side] / median["ours"], 2) for side in peers},
                "unit": "s",
                "same": True,
            }
        )
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
