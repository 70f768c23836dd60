"""Actions of an operator, who runs the bot, for all of it: which servers may use it, limits, log of such actions."""
