"""Building blocks shared by the cogs: views, paging, cards, authorization."""
