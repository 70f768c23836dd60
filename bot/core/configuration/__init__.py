"""Settings of the operator: their declarations, and how they are read from the environment and from files."""
