"""Whether a text names somebody whom the protected tables hold, or says a number by which a person is found.

Files of the outbreak are found by keyed hashes of names, so that every piece of the text can be asked for at once. What
is sealed without such a hash (rosters, sign-ups, pledges) is opened only to be compared: nobody sees it.
"""

import re
from collections.abc import Iterable, Iterator

from duban.commons.contact import open_contact
from duban.commons.models import Membership, Pledge, SignUp
from duban.core.sealed_text import Unreadable
from duban.core.text import folded
from duban.decisions.models import Attendance
from duban.outbreak.models import FileKey
from duban.outbreak.people import Tokens
from duban.places.codes import within

HAN_RUN = re.compile(r"[\u3400-\u9fff·]+")
LATIN_RUN = re.compile(r"[A-Za-z][A-Za-z'’-]*(?: [A-Za-z][A-Za-z'’-]*){1,3}")
LONGEST, BATCH, MOST = 4, 900, 8
# Of two characters only what begins with a surname: any other pair is a word far more often than a person.
SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟"
    "谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤尤戚喻柏窦章褚卫施华"
)
ID_NUMBER = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)")
TELEPHONE = re.compile(r"(?<!\d)(?:1[3-9]\d(?:[ -]?\d{4}){2}|0\d{2,3}[ -]?\d{7,8}|[2-8]\d{7})(?!\d)")


def numbers_in(text: str) -> list[str]:
    """Identity and telephone numbers in the text, as they stand there."""
    found = [match[0] for match in ID_NUMBER.finditer(text)]
    return found + [match[0] for match in TELEPHONE.finditer(ID_NUMBER.sub(" ", text))]


def named_in(text: str, area: str, *, thorough: bool) -> list[str]:
    """Names of protected people that the text says, at most eight; those of officials in minutes are none.

    `thorough` also opens the sealed rosters, sign-ups and pledges of the area.
    """
    pieces = {folded(piece): piece for piece in pieces_of(text)}
    if not pieces:
        return []
    found = dict.fromkeys(_of_files(pieces))
    if thorough:
        found |= dict.fromkeys(pieces[name] for name in _sealed(area) if name in pieces)
    if not found:
        return []
    officials = set(Attendance.objects.filter(sealed=None, name__in=list(found)).values_list("name", flat=True))
    return [name for name in found if name not in officials][:MOST]


def pieces_of(text: str) -> Iterator[str]:
    """Every stretch that could be a name: two to four characters in a row, or two to four words."""
    for match in HAN_RUN.finditer(text):
        run = match[0]
        for length in range(2, LONGEST + 1):
            for at in range(len(run) - length + 1):
                piece = run[at : at + length]
                if length > 2 or piece[0] in SURNAMES:
                    yield piece
    for match in LATIN_RUN.finditer(text):
        words = match[0].split()
        for length in range(2, len(words) + 1):
            for at in range(len(words) - length + 1):
                yield " ".join(words[at : at + length])


def _of_files(pieces: dict[str, str]) -> Iterator[str]:
    tokens = Tokens()
    by_digest = {tokens.of("name", name): piece for name, piece in pieces.items()}
    digests = list(by_digest)
    for start in range(0, len(digests), BATCH):
        keys = FileKey.objects.filter(kind="name", digest__in=digests[start : start + BATCH])
        for digest in keys.values_list("digest", flat=True).distinct():
            yield by_digest[digest]


def _sealed(area: str) -> Iterator[str]:
    """The names in what is sealed, folded."""
    rows: tuple[Iterable[bytes | memoryview | None], ...] = (
        Membership.objects.filter(within("organisation__jurisdiction", [area]))
        .values_list("sealed", flat=True)
        .iterator(chunk_size=2000),
        SignUp.objects.filter(within("shift__jurisdiction", [area]), sealed__isnull=False)
        .values_list("sealed", flat=True)
        .iterator(chunk_size=2000),
        Pledge.objects.filter(within("need__jurisdiction", [area]), sealed__isnull=False)
        .values_list("sealed", flat=True)
        .iterator(chunk_size=2000),
    )
    for sealed in rows:
        for one in sealed:
            if one is None:
                continue
            try:
                yield folded(open_contact(one).name)
            except (Unreadable, ValueError, TypeError):
                continue
