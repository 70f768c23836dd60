"""Building blocks that the cogs share: views, paging, cards, authorization."""
