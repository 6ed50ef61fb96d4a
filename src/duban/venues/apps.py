from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def load_reference_data(**_signal: Any) -> None:
    from duban.venues.types import load_types

    load_types()


class VenuesConfig(AppConfig):
    name = "duban.venues"
    label = "venues"

    def ready(self) -> None:
        post_migrate.connect(load_reference_data, sender=self)
