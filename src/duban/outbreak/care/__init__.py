"""Daily reports, alerts and requests of people in a measure."""
