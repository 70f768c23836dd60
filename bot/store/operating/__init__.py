"""SQL of what an operator decides for the whole bot, and of the audit log of such decisions."""
