"""What each person must do: rules, plans, due acts, release."""
