"""The exposure column: proposed, decided, answered, corrected."""

from django.urls import URLPattern

urls: list[URLPattern] = []
