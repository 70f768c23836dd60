"""/settings copy: the settings of a channel for other channels."""
