from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def load_reference_data(**_signal: Any) -> None:
    from duban.ledger import search, tally
    from duban.ledger.categories import load_categories
    from duban.ledger.deadlines import load_reference
    from duban.ledger.figures import load_weights

    load_categories()
    load_reference()
    load_weights()
    # What was recorded before there were these tables.
    if search.index_missing():
        tally.rebuild()


class LedgerConfig(AppConfig):
    name = "duban.ledger"
    label = "ledger"

    def ready(self) -> None:
        post_migrate.connect(load_reference_data, sender=self)
