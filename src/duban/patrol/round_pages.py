"""Rounds: planning a campaign and watching it."""

from django.urls import URLPattern

urls: list[URLPattern] = []
