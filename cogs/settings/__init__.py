"""What a server chooses: /settings and /setup."""
