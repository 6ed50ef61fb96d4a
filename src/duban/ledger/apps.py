from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def load_reference_data(**_signal: Any) -> None:
    from duban.ledger.categories import load_categories

    load_categories()


class LedgerConfig(AppConfig):
    name = "duban.ledger"
    label = "ledger"

    def ready(self) -> None:
        post_migrate.connect(load_reference_data, sender=self)
