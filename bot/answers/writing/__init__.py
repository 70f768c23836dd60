"""Answers written by a language model from the quotes, each sentence checked against its source."""
