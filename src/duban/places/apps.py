from django.apps import AppConfig


class PlacesConfig(AppConfig):
    name = "duban.places"
    label = "places"
