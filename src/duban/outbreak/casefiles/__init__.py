"""Case files: opened, found again, merged, and what is noted in them."""
