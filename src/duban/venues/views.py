"""The register of venues: found by name, on the map and by their sticker."""

from django.urls import URLPattern

urls: list[URLPattern] = []
