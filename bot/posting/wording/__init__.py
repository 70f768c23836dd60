"""Labels and sentences, in the user's language, for settings, and for errors and statuses from other packages."""
