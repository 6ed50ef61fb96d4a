"""Pictures of a day, each a block of its own: what is written in it is the caption."""

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db.models import QuerySet

from duban.bulletin.facts.sight import Sight
from duban.bulletin.facts.story import photos_with
from duban.bulletin.figures import Facts
from duban.bulletin.models import Picture

KIND = "photo"


def standing(area: str, day: date) -> QuerySet[Picture]:
    """The pictures of the area's page of that day, in the order in which they were filed."""
    return Picture.objects.filter(jurisdiction=area, day=day, withdrawn_at=None).order_by("filed_at", "id")


def all_of_day(sight: Sight) -> list[Facts]:
    return [_facts(one) for one in standing(sight.area, sight.day)]


def told(sight: Sight, parameters: Mapping[str, Any]) -> Facts | None:
    """None where the picture was withdrawn."""
    try:
        key = uuid.UUID(str(parameters.get("picture")))
    except ValueError:
        return None
    picture = Picture.objects.filter(pk=key, jurisdiction=sight.area, withdrawn_at=None).first()
    return _facts(picture) if picture else None


def _facts(picture: Picture) -> Facts:
    return Facts(
        KIND,
        {"picture": str(picture.pk)},
        text={"zh": picture.caption_zh, "en": picture.caption_en or picture.caption_zh},
        photos=tuple(photos_with([picture.photo_id], {picture.photo_id: ("", "")})),
        byline=picture.byline,
    )
