"""Files that come with Telex: catalogues, starter packs, demo feeds. Found through `bot.DATA`."""
