"""Check-lists: reading, editing, XLSForm in and out."""

from django.urls import URLPattern

urls: list[URLPattern] = []
