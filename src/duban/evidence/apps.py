from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    name = "duban.evidence"
    label = "evidence"
