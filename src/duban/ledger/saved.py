"""A person's own questions to the ledger, each under a name of theirs."""

from datetime import datetime

from django.db import transaction
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from duban.access.models import Person
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.text import is_plain
from duban.ledger.filters import read_filters, write_filters
from duban.ledger.models import SavedFilter

MOST = 30


class BadSavedFilter(DubanError):
    pass


def saved_filters(person: Person) -> list[SavedFilter]:
    """The person's own, by name."""
    return list(SavedFilter.objects.filter(person=person))


@transaction.atomic
def save_filter(*, by: Person, now: datetime, name: str, query: str) -> SavedFilter:
    """Keep the question of an address of the ledger under a name that the person has not given yet.

    Raises BadSavedFilter (`name_missing`, `name_too_long`, `filter_too_long`, `too_many_saved`), Conflict
    (`name_taken`), or BadFilter for an address that asks for what there is not.
    """
    _lock(by)
    asked = write_filters(read_filters(QueryDict(query)))
    if len(asked) > 600:
        raise BadSavedFilter("filter_too_long", _("This filter is too long to be kept; ask for less in it."))
    if SavedFilter.objects.filter(person=by).count() >= MOST:
        raise BadSavedFilter("too_many_saved", _("At most 30 filters are kept; delete one first."))
    return SavedFilter.objects.create(person=by, name=_checked(by, name), query=asked)


@transaction.atomic
def rename_filter(*, by: Person, now: datetime, filter_id: int, name: str) -> SavedFilter:
    """Raises NotFound (`unknown_filter`), and for the name as save_filter."""
    _lock(by)
    saved = _own(by, filter_id)
    saved.name = _checked(by, name, apart_from=saved.pk)
    saved.save(update_fields=["name"])
    return saved


@transaction.atomic
def delete_filter(*, by: Person, now: datetime, filter_id: int) -> str:
    """Returns the name that is free again. Raises NotFound (`unknown_filter`)."""
    _lock(by)
    saved = _own(by, filter_id)
    saved.delete()
    return saved.name


def _lock(by: Person) -> None:
    """One write of a person's filters at a time, so that neither cap nor name is passed by two at once."""
    Person.objects.select_for_update().get(pk=by.pk)


def _own(by: Person, filter_id: int) -> SavedFilter:
    saved = SavedFilter.objects.filter(person=by, pk=filter_id).first()
    if saved is None:
        raise NotFound("unknown_filter", _("You keep no such filter (any more)."))
    return saved


def _checked(by: Person, name: str, *, apart_from: int = 0) -> str:
    name = " ".join(name.split())
    if not name:
        raise BadSavedFilter("name_missing", _("Give the filter a name."), field="name")
    if len(name) > 40 or not is_plain(name):
        raise BadSavedFilter("name_too_long", _("A name has at most 40 characters."), field="name")
    if SavedFilter.objects.filter(person=by, name=name).exclude(pk=apart_from).exists():
        raise Conflict("name_taken", _("You keep a filter of this name already; choose another name."), field="name")
    return name
