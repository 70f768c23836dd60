"""Dates, periods and time zones as feeds and people write them."""
