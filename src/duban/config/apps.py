from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "duban.config"
    label = "config"
