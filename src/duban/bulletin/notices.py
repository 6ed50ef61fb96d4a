"""Reading reports back: the engine with the code list that is loaded."""

from functools import lru_cache

from django.db.models import Count, Max

from duban.bulletin.notice_files import text_of
from duban.engines.notice import Gazetteer, Notice, read_notice
from duban.places.models import Jurisdiction


def gazetteer() -> Gazetteer:
    """The code list as the engine takes it, kept until another one is loaded."""
    loaded = Jurisdiction.objects.aggregate(last=Max("loaded_at"), many=Count("pk"))
    return _gazetteer(str(loaded["last"]), loaded["many"])


@lru_cache(maxsize=2)
def _gazetteer(last: str, many: int) -> Gazetteer:
    return Gazetteer.build(Jurisdiction.objects.values_list("code", "name"))


def read_text(text: str) -> Notice:
    """What a report says, its places settled against the loaded code list."""
    return read_notice(text, gazetteer())


def read_file(data: bytes, name: str) -> Notice:
    """The same from a file; raises what `text_of` does."""
    return read_text(text_of(data, name))
