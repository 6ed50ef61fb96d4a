"""Places that people share, and what they talk about there."""
