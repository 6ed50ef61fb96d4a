from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def index_issues(**_signal: Any) -> None:
    from duban.bulletin.search import INDEX
    from duban.core import search

    search.write_missing(INDEX)


class BulletinConfig(AppConfig):
    name = "duban.bulletin"
    label = "bulletin"

    def ready(self) -> None:
        post_migrate.connect(index_issues, sender=self)
