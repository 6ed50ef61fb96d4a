from django.apps import AppConfig


class OutbreakConfig(AppConfig):
    name = "duban.outbreak"
    label = "outbreak"
