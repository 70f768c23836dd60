"""Data classes that the store's methods take and return, beside the domain models."""
