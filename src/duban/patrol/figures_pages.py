"""The figures of inspections, each opening its rows."""

from django.urls import URLPattern

urls: list[URLPattern] = []
