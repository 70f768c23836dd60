"""Answers to questions: quotes from articles, or the result that no article answers.

Input: a question, the ids of the feeds that the asker may read, and the previous questions of the
conversation. Output: an `Answer`, which is data without markup.
"""
