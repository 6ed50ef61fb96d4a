"""Samples of people, from the appointment to the result."""
