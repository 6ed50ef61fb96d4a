from django.apps import AppConfig
from django.core.signals import request_finished


class CoreConfig(AppConfig):
    name = "duban.core"
    label = "core"

    def ready(self) -> None:
        from django_tasks.signals import task_finished

        from duban.core import keys

        request_finished.connect(keys.let_go, dispatch_uid="let go of keys")
        task_finished.connect(keys.let_go, dispatch_uid="let go of keys")
