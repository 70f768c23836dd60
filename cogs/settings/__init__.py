"""Settings of servers and channels: /settings and /setup."""
