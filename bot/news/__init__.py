"""What articles mean: polling and intake, search, answers, bookmarks."""
