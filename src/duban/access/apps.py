from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "duban.access"
    label = "access"
