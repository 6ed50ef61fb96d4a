from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def load_reference_data(**_signal: Any) -> None:
    """What comes with `migrate`: each topic writes what is not there yet."""
    from duban.core import clock
    from duban.outbreak.measures.rules import load_rules
    from duban.outbreak.protection.rules import load_rules as load_deletion_rules
    from duban.outbreak.venue_sampling.frequencies import load_frequencies

    now = clock.now()
    load_rules(now=now)
    load_deletion_rules()
    load_frequencies()


class OutbreakConfig(AppConfig):
    name = "duban.outbreak"
    label = "outbreak"

    def ready(self) -> None:
        post_migrate.connect(load_reference_data, sender=self)
