from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def load_reference_data(**_signal: Any) -> None:
    from duban.core import clock
    from duban.patrol.builtin import load_checklists

    load_checklists(now=clock.now())


class PatrolConfig(AppConfig):
    name = "duban.patrol"
    label = "patrol"

    def ready(self) -> None:
        post_migrate.connect(load_reference_data, sender=self)
