"""People who keep and who read the register, and clients of theirs."""

from collections.abc import Callable

import pytest
from django.test import Client

from duban.access.models import Person
from duban.demo.builders import make_person


@pytest.fixture
def supervisor() -> Person:
    return make_person("supervisor", "supervisor", "110112")


@pytest.fixture
def client_of() -> Callable[[Person], Client]:
    def logged_in(person: Person) -> Client:
        client = Client(headers={"accept-language": "en"})
        client.force_login(person)
        return client

    return logged_in
