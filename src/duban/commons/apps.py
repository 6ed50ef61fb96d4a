from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def load_reference_data(**_signal: Any) -> None:
    from duban.commons.register.categories import load_categories
    from duban.commons.register.search import index_missing

    load_categories()
    index_missing()


class CommonsConfig(AppConfig):
    name = "duban.commons"
    label = "commons"

    def ready(self) -> None:
        from duban.commons import notices
        from duban.ledger import mail

        mail.TELLERS.extend(notices.TELLERS)
        post_migrate.connect(load_reference_data, sender=self)
