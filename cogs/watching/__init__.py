"""What comes by itself: /watch and /digest."""
