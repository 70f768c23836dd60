"""Dates, periods and time zones as feeds and users write them."""
