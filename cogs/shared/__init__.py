"""Building blocks of several cogs: views, paging, cards, rights."""
