"""Commands of the terminal with which an operator decides for the whole bot."""
