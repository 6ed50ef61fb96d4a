"""Pages of commons for the office: each topic names its own addresses."""

from django.urls import URLPattern

app_name = "commons"
urlpatterns: list[URLPattern] = []
