"""What two_towns.py holds of protection: a look, a request for correction and a certificate of each town."""

from datetime import datetime

from tests.outbreak.protection.building import make_file

from duban.access.models import Person
from duban.outbreak.models import Deletion
from duban.outbreak.protection.corrections import ask_correction
from duban.outbreak.protection.deletion import digest_of
from duban.outbreak.protection.visibility import open_file


def furnish_protection(by: Person, town: str, words: str, now: datetime) -> tuple[dict[str, str], set[str]]:
    """Keys, and what betrays them."""
    file = make_file(now, town=town, stay=town)
    open_file(by=by, now=now, file_id=file.pk, ground="order", purpose=f"{words} 核对")
    look = file.looks.get()
    asked = ask_correction(now=now, file=file, words=f"{words} 写错了")
    made = Deletion(
        number=f"DEL-2020-{town}", on=now.date(), counts={town: {"people": 1}}, rules=[], scope=[town],
        by=by.as_actor(), at=now,
    )  # fmt: skip
    made.digest = digest_of(made)
    made.save()
    keys = {"<look_id>": str(look.pk), "<correction_id>": str(asked.pk), "<deletion_id>": str(made.pk)}
    return keys, {file.number, str(file.pk), str(asked.pk), str(made.pk), made.number}
