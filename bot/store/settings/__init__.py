"""What a server chose: its channels, subscriptions, filters, looks, and who changed what."""
