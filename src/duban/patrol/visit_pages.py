"""A visit, as the inspector makes it on a phone."""

from django.urls import URLPattern

urls: list[URLPattern] = []
