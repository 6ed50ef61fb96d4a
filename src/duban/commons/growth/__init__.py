"""How organisations grow."""
