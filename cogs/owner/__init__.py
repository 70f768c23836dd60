"""The panel of /owner, with which an operator decides for the whole bot."""
