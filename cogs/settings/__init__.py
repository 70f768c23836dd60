"""Commands for the settings of servers and channels: /settings and /setup."""
