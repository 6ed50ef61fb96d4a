"""Partners and what they bring."""
