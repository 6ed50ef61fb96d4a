"""Volunteers and their hours."""
