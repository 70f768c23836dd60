"""Digests (messages with the top stories), trends (topics that are rising), and their charts.

Input: the articles of a day or a week. Output: digest contents to be rendered, and charts of rising topics.
"""
