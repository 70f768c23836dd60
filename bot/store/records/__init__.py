"""Data classes that the store's methods take and return, in addition to the domain models."""
