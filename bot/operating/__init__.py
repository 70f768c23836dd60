"""What an operator, who runs Telex, does for the whole bot: which servers may use it, and the log of such actions."""
