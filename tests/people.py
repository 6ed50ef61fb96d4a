"""The people of a test, put in as the rows that the action made of them the first time in this process.

Many tests ask for a dozen people and need three: to make each of them by the action took longer than all else they do.
"""

from copy import copy
from typing import NamedTuple

from django.db import transaction

from duban.access.models import Person, RoleAt
from duban.core.models import AuditRecord
from duban.core.rows import insert
from duban.demo.builders import make_person


class Held(NamedTuple):
    """The role that somebody holds, where, and how the office knows them if not by their user name."""

    role: str
    at: str = "110112"
    name: str = ""


_rows: dict[tuple[str, Held], tuple[Person, RoleAt, AuditRecord]] = {}


def make_people(held: dict[str, Held]) -> dict[str, Person]:
    """By user name the people who hold the roles, with their records in the audit trail."""
    rows = {username: _rows.get((username, one)) or _made(username, one) for username, one in held.items()}
    people = {username: copy(person) for username, (person, _role, _record) in rows.items()}
    Person.objects.bulk_create(people.values())
    roles, records = [], []
    for username, (_person, role, record) in rows.items():
        roles.append(copy(role))
        roles[-1].person = people[username]
        records.append(copy(record))
        records[-1].subject_id = str(people[username].pk)
    insert(roles)
    insert(records)
    return people


def _made(username: str, held: Held) -> tuple[Person, RoleAt, AuditRecord]:
    """The rows without their keys, as the action makes them; nothing of it stays in the database."""
    with transaction.atomic():
        made = make_person(username, held.role, held.at, name=held.name)
        person = Person.objects.get(pk=made.pk)
        rows = person, person.roles.get(), AuditRecord.objects.get(subject_type="person", subject_id=str(person.pk))
        transaction.set_rollback(True)
    for row in rows:
        row.pk = None
    _rows[username, held] = rows
    return rows
