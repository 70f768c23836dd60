"""What runs by itself: polling, posting, health; joining servers; help and privacy."""
