"""Votes, from the invitation to the result."""
