"""Watches and digests: /watch and /digest."""
