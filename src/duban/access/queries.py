"""What the access app tells others of people."""

from collections.abc import Iterable

from duban.access.models import Person


def names_of_people(usernames: Iterable[str]) -> dict[str, str]:
    """What the people of these user names are called; a user name itself where the person is gone."""
    names = {username: username for username in usernames}
    return names | {person.username: str(person) for person in Person.objects.filter(username__in=names)}
