from django.apps import AppConfig


class CommonsConfig(AppConfig):
    name = "duban.commons"
    label = "commons"
