from django.apps import AppConfig


class PatrolConfig(AppConfig):
    name = "duban.patrol"
    label = "patrol"
