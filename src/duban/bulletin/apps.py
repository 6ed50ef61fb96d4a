from django.apps import AppConfig


class BulletinConfig(AppConfig):
    name = "duban.bulletin"
    label = "bulletin"
