"""Who sees what of a person, who looked, and what is deleted when."""
