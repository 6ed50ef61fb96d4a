from django.apps import AppConfig


class DecisionsConfig(AppConfig):
    name = "duban.decisions"
    label = "decisions"
