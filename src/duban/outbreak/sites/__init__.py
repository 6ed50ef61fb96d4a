"""Isolation sites, their rooms and beds."""
