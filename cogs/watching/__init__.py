"""Commands for watches (saved searches) and digests: /watch and /digest."""
