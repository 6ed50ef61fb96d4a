"""Pages of commons for anybody: each topic names its own addresses."""

from django.urls import URLPattern

app_name = "neighbours"
urlpatterns: list[URLPattern] = []
