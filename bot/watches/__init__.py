"""Watches (saved searches) and subscription filters, matched against articles as they arrive."""
