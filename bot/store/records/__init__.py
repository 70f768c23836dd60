"""What the store gives and takes, beside the models: rows as data, free of any engine."""
