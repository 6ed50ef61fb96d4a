"""The desk of those who make bulletins, and the page itself, editable in place."""
