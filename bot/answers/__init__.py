"""Answers to questions: quotes from articles, or the finding that no article answers.

Input: a question, the ids of the feeds that the asker may read, and the questions before it in the
conversation. Output: an `Answer`, which is data without markup.
"""
