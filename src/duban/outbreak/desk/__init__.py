"""What is due today, the way from screened to released, and the daily report."""
